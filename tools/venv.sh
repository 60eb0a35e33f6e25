# Sourced by the tools beside it: enters the project's folder, with `.venv` made and first on PATH.
# It holds what Stampede needs and the `extras` of pyproject.toml that are asked for: those of `test`, unless the caller
# says otherwise, as in `extras= source tools/venv.sh`. A copy of pyproject.toml for the extras is written there last;
# where it differs, the environment is made anew. PYTHON names another interpreter than python3.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
extras=${extras-test}

venv_is_made() {
    [[ -x .venv/bin/python ]] && { cmp -s pyproject.toml ".venv/pyproject${extras:+-$extras}.toml" ||
        cmp -s pyproject.toml .venv/pyproject-test.toml; }
}

# Why this machine can't make an environment, in a line; nothing where it can.
venv_is_refused() {
    local python=${PYTHON:-python3}
    command -v "$python" >/dev/null || {
        echo "$python is not installed: apt-get install python3 python3-venv"
        return
    }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        echo "Stampede needs Python 3.11 or later, and here is $("$python" --version 2>&1);" \
            "where there is a newer one, name it: PYTHON=python3.12 $0"
        return
    }
    "$python" -c 'import ensurepip' 2>/dev/null || echo "$python can't make a virtual environment here: apt-get install python3-venv"
}

# In a shell of its own: whatever ends it, it leaves a whole environment or none.
make_venv() (
    set -euo pipefail
    said=$(mktemp)
    finish() { # how it ended
        rm -f "$said"
        (($1 == 0)) || [[ -e .venv/pyproject.toml ]] || rm -rf .venv
    }
    trap 'finish $?' EXIT
    trap 'rm -rf .venv; exit 130' INT TERM HUP
    if ! cmp -s pyproject.toml .venv/pyproject.toml; then
        echo "Making .venv: Stampede and what it needs" >&2
        "${PYTHON:-python3}" -m venv --clear .venv >"$said" 2>&1 || {
            echo "no environment can be made in $PWD/.venv: $(tail -n 1 "$said")" >&2
            exit 1
        }
    else
        echo "Adding to .venv what is needed for: $extras" >&2
    fi
    pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 1)
    "${pip[@]}" --editable ".${extras:+[$extras]}" >"$said" 2>&1 || {
        why=$(grep '^ *ERROR: ' "$said" | tail -n 1)
        echo "the packages that Stampede needs could not be installed; is there a network, and a package index" \
            "(pip config list)? ${why:-$(tail -n 1 "$said")}" >&2
        exit 1
    }
    cp pyproject.toml .venv/pyproject.toml
    [[ -z $extras ]] || cp pyproject.toml ".venv/pyproject-$extras.toml"
)

if ! venv_is_made; then
    refusal=$(venv_is_refused)
    [[ -z $refusal ]] || {
        echo "$refusal" >&2
        exit 1
    }
    exec {pyproject}<pyproject.toml # two that start at once make it one after the other: the second finds it made
    flock --nonblock "$pyproject" || {
        echo "Waiting for another start, which is making .venv" >&2
        flock "$pyproject"
    }
    venv_is_made || make_venv || exit
    exec {pyproject}<&-
fi
PATH="$PWD/.venv/bin:$PATH"
# Tests start hundreds of commands; without bytecode on disk each would compile every module anew.
unset PYTHONDONTWRITEBYTECODE
