# SPDX-License-Identifier: BSD-2-Clause
# Completes chute(1) in bash. There is no list of verbs or options here: the tool is
# asked, by --help, and by `list` for rings.

_chute_verbs() { "$1" --help 2>/dev/null | sed -n '1,/^$/d; /^$/q; s/^  \([a-z]*\) .*/\1/p'; }

# "--option", or "--option VALUE" where it takes one; the short ones too.
_chute_options() {
	sed -n 's/^  \(-[a-z], \)\{0,1\}\(--[a-z-]*\)\( [A-Z]*\)\{0,1\}.*/\1\2\3/p' <<<"$1" |
		sed 's/^\(-[a-z]\), /\1\n/'
}

# The words of the usage that are no options: what argument is what. "..." may repeat.
_chute_arguments() {
	sed -n '1s/\[\{0,1\}--[a-z-]*\( [A-Z]*\)\{0,1\}\]\{0,1\}//g
		1s/\[OPTION\.\.\.\]//; 1s/[][]//g; 1s/usage: chute [a-z]*//p' <<<"$1"
}

# Names that need no quotes, of the kinds that the verb takes.
_chute_rings() {
	local first second kinds
	kinds=$(grep '^RING is ' <<<"$2")
	"$1" list 2>/dev/null | while read -r first second _; do
		case $first in
		map:*) [[ $kinds == *map:* ]] && printf '%s\n' "$first" "map:$second" ;;
		mem:*) [[ $kinds == *mem:* ]] && printf '%s\n' "$first" ;;
		pinned) [[ $kinds == *path* ]] && printf '%s\n' "$second" ;;
		esac
	done | grep -x '[A-Za-z0-9_.:/@%+,=-]*' | grep -vx 'map:' | sort -u
}

# Candidates for an argument of this kind, as a line each.
_chute_values() {
	case $2 in
	RING) _chute_rings "$1" "$3" ;;
	QUESTION) "$1" bench --list 2>/dev/null | tr ' ' '\n' | sort -u ;;
	esac
}

_chute() {
	local tool=$1 line=${COMP_LINE:0:COMP_POINT} help option value kind= before= cur words candidates
	local -a arguments values
	local i at=0

	# Not COMP_WORDS: for bash a colon begins a new word.
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	cur=${words[-1]}
	COMPREPLY=()
	if ((${#words[@]} <= 2)); then
		mapfile -t COMPREPLY < <(compgen -W "$(_chute_verbs "$tool") --help --version" -- "$cur")
		return
	fi
	help=$("$tool" "${words[1]}" --help 2>/dev/null) || return
	# Which options take values, and what kind of argument comes now.
	local -A takes=()
	while read -r option value; do takes[$option]=$value; done < <(_chute_options "$help")
	read -ra arguments < <(_chute_arguments "$help")
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--*=*) ;;
		-*) [[ ${takes[${words[i]}]-} ]] && ((++i)) ;;
		*) ((at < ${#arguments[@]})) && [[ ${arguments[at]} != *... ]] && ((++at)) ;;
		esac
	done
	if ((i == ${#words[@]})); then
		kind=${takes[${words[i - 2]}]}
	elif [[ $cur == --*=* ]]; then
		kind=${takes[${cur%%=*}]-}
		[[ $COMP_WORDBREAKS == *=* ]] || before=${cur%%=*}=
		cur=${cur#*=}
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${!takes[*]}" -- "$cur")
		return
	elif ((at < ${#arguments[@]})); then
		kind=${arguments[at]%...}
	fi
	candidates=$(_chute_values "$tool" "$kind" "$help")
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")
	# A ring may be a path, too.
	if [[ $kind == FILE || $kind == IMAGE || ($kind == RING && $cur == */*) ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $kind == RING && ! $candidates ]]; then
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$(grep -o 'm[ae][pm]:' <<<"$help")" -- "$cur")
	fi
	[[ $before ]] && COMPREPLY=("${COMPREPLY[@]/#/"$before"}")
	# What stands before the last colon is another word, and stays.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
	fi
}

complete -F _chute chute
