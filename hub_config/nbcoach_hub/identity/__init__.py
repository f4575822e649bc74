"""Who may log in: with a password of ours, at an OpenID Connect provider, or from a learning platform (LTI 1.3).

Each way is an `Authenticator` of JupyterHub. What they share is in `admission`: whether an account may be used, who
has to be approved first, and the part of the hub's REST API that administers accounts.
"""
