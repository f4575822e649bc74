"""Other languages: pre-warmed Jupyter kernels in the sandbox, with the tests in the kernel.

Empty on purpose: a kernel's keeper imports `keeper` alone, and must stay small.
"""
