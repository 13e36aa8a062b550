#!/bin/sh
# Runs a program with secrets in its environment that are not in the environment of the
# container: NAME__FILE is a text in which {{PATH}} is replaced by the content of a file, and
# becomes NAME. For programs that read secrets from the environment only.
set -eu
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)__FILE=.*/\1/p'); do
    eval "rest=\${${name}__FILE}"
    text=
    while :; do
        case $rest in
        *'{{'*'}}'*) ;;
        *) break ;;
        esac
        file=${rest#*'{{'}
        file=${file%%'}}'*}
        if ! value=$(cat "$file") || [ -z "$value" ]; then
            echo "with-secrets: $name needs the file $file, which is missing or empty: run scripts/up.sh" >&2
            exit 1
        fi
        text=$text${rest%%'{{'*}$value
        rest=${rest#*'}}'}
    done
    export "$name=$text$rest"
    unset "${name}__FILE"
done
exec "$@"
