#!/bin/sh
# Make /opt/venv for one image, in two steps that are cached apart:
#   install.sh requirements FILE   the requirements, at the pinned versions
#   install.sh packages NAME...    of our own wheel the named packages only, so that no image holds code of a
#                                  part that runs elsewhere
set -eu
step=$1; shift
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
if [ "$step" = requirements ]; then
  python3 -m venv /opt/venv
  pip install --quiet --constraint /build/constraints.txt --requirement "/build/requirements/$1"
  exit
fi
pip install --quiet --no-deps /build/dist/nbcoach-*.whl
for path in "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"/nbcoach_*; do
  case " $* " in
    *" $(basename "$path") "*) ;;
    *) rm -rf "$path" ;;
  esac
done
pip uninstall --quiet --yes pip
