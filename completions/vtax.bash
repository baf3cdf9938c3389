# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bash completion for vtax. The build puts the tables in place of the line with the two at signs.

@bash-tables@

# compgen "$@" for what stands before the cursor, added to COMPREPLY.
_vtax_add() {
    local found
    mapfile -t found < <(compgen "$@" -- "$current")
    COMPREPLY+=("${found[@]}")
}

_vtax_add_value() {
    case $kind in
    file | directory)
        compopt -o filenames 2>/dev/null
        if [[ $kind == file ]]; then _vtax_add -f; else _vtax_add -d; fi
        ;;
    list)
        local before=''
        [[ $current == *,* ]] && before=${current%,*},
        current=${current##*,}
        compopt -o nospace 2>/dev/null
        _vtax_add -P "$before" -W "$words"
        ;;
    *) _vtax_add -W "$words" ;;
    esac
}

_vtax_add_operand() {
    compopt -o filenames 2>/dev/null
    case $operands in
    *PLAN*)
        _vtax_add -W "$_vtax_plans"
        _vtax_add -f -X '!*.yaml'
        _vtax_add -d
        ;;
    *FILE*) _vtax_add -f ;;
    esac
}

# The words that may follow "$1" in the name of a command.
_vtax_add_names() {
    local name names=''
    while IFS= read -r name; do
        [[ -z $1 ]] && names+=" ${name%% *}"
        [[ -n $1 && $name == "$1 "* ]] && names+=" ${name#"$1 "}"
    done <<<"$_vtax_commands"
    names=$(tr ' ' '\n' <<<"$names" | sort -u)
    _vtax_add -W "$names"
}

_vtax() {
    local current=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]}
    local name='' options='' operands='' kind='' words='' at
    COMPREPLY=()
    # --vms=1 arrives as the three words --vms, =, 1
    if [[ $current == = ]]; then
        current=''
    elif [[ $last == = ]]; then
        last=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((at = 1; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} == -* ]] && continue
        name+=${name:+ }${COMP_WORDS[at]}
        _vtax_command "$name" && break
        [[ $name == *' '* ]] && return
    done
    if _vtax_value "$name $last"; then
        _vtax_add_value
    elif [[ $current == -* ]]; then
        _vtax_add -W "${options:---help --version}"
    elif [[ -z $options ]]; then
        _vtax_add_names "$name"
    else
        _vtax_add_operand
    fi
}

complete -F _vtax vtax
