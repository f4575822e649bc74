#!/bin/sh
# Make the environment of one image, in two steps that are layers apart:
#   install.sh requirements FILE   /opt/venv: the requirements, at the pinned versions
#   install.sh packages NAME...    /opt/packages, to be laid over it: of our own wheel the named packages only, so that
#                                  no image holds code of a part that runs elsewhere
set -eu
step=$1; shift
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
pip() { /opt/pip/bin/pip --python /opt/venv/bin/python install --quiet "$@"; }
if [ "$step" = requirements ]; then
  python3 -m venv /opt/pip  # apart, as no image needs an installer
  python3 -m venv --without-pip /opt/venv
  pip --constraint /build/constraints.txt --requirement "/build/requirements/$1"
  exit
fi
pip --no-deps --prefix /opt/packages /build/dist/nbcoach-*.whl
for path in /opt/packages/lib/python3*/site-packages/nbcoach_*; do
  case " $* " in
    *" $(basename "$path") "*) ;;
    *) rm -rf "$path" ;;
  esac
done
