"""The engine: fork snapshots of a learner's notebook, and a judge that never runs learner code.

Theory of operation. Five kinds of process, all forked from one *zygote* per course environment:

    grader service ── control socket ──> zygote          IPython and the course's libraries, no secret
                                           ├─> prefix     the author's first cells, for the whole class
                                           │     └─> subject      the learner's notebook up to cell k, in a sandbox
                                           │           └─> subject up to cell k+1 …            (fork snapshots)
                                           │                 └─> served fork: answers the judge, then dies
                                           └─> judge      the author's locked cells; forked for those who ask

The service asks a process to fork and hands the child its own control socket, so every
process holds one socket and nothing else. A served fork and a judge share one more socket
pair, on which the judge fetches names and calls functions (`peer`); only values of the
`codec` cross it. Tests and expected values exist in the judge alone. Whatever a subject
says is a claim: the verdict is made in the judge and reported on the judge's own socket.
"""
