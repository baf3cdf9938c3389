#compdef vtax
# SPDX-License-Identifier: GPL-2.0-or-later
#
# zsh completion for vtax. The build puts the tables in place of the line with the two at signs.

# Global: this file is read once, its functions are called often.
typeset -ga _vtax_commands _vtax_plan_words

@zsh-tables@

# The words that may follow $1 in the name of a command, with what the command does.
_vtax_names() {
    local -A summaries
    local -a names
    local row name rest
    for row in $_vtax_commands; do
        name=${row%%:*} rest=${row#*:}
        if [[ -n $1 ]]; then
            [[ $name == "$1 "* ]] && names+=("${name#"$1 "}:$rest")
        elif [[ $name == *' '* ]]; then
            summaries[${name%% *}]="commands about ${name%% *}s"
        else
            names+=("$row")
        fi
    done
    for name rest in ${(kv)summaries}; do names+=("$name:$rest"); done
    (( $#names )) && _describe command names
}

_vtax_plans() {
    _alternative "plans:built-in plan:($_vtax_plan_words)" 'files:plan file:_files -g "*.yaml"'
}

_vtax() {
    local -a specs
    local name=$words[2]
    if (( CURRENT == 2 )); then
        _vtax_names ''
        return
    fi
    if _vtax_command $name; then
        shift 1 words
        (( CURRENT-- ))
    elif (( CURRENT == 3 )); then
        _vtax_names $name
        return
    elif _vtax_command "$name $words[3]"; then
        shift 2 words
        (( CURRENT -= 2 ))
    else
        return 1
    fi
    _arguments -s $specs
}

_vtax "$@"
