# Sourced by the tools beside it: enters the project's folder, with `.venv` made and first on PATH.
# The copy of pyproject.toml in .venv is written last; where it differs, the environment is made anew.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! [[ -x .venv/bin/python ]] || ! cmp -s pyproject.toml .venv/pyproject.toml; then
    python3 -c 'import ensurepip' 2>/dev/null || {
        echo "python3 can't make a virtual environment here: apt-get install python3-venv" >&2
        exit 1
    }
    echo "Making .venv: Stampede and its test tools"
    python3 -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
    cp pyproject.toml .venv/pyproject.toml
fi
PATH="$PWD/.venv/bin:$PATH"
# Tests start hundreds of commands; without bytecode on disk each would compile every module anew.
unset PYTHONDONTWRITEBYTECODE
