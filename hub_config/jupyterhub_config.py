"""The configuration of JupyterHub; change it by files in jupyterhub_config.d, see the README there."""

from __future__ import annotations

from nbcoach_hub import configure

c = get_config()  # noqa: F821
settings = configure.apply(c)
for path in configure.additions(settings, __file__):
    load_subconfig(path)  # noqa: F821
