"""``completion``: scripts by which shells complete commands and options, made from the table of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from secrets_core.cli.parsing import COMMON, PROGRAM, Option, Verb
from secrets_core.exchanges import catalogue
from secrets_core.settings import BACKENDS, STANDARD_ENVIRONMENTS

_FUNCTION = "_mm_secrets"


def script(shell: str, verbs: Mapping[str, Verb]) -> str:
    """Give the script for one of ``SHELLS``."""
    return _SCRIPTS[shell](verbs)


def _bash(verbs: Mapping[str, Verb]) -> str:
    values = "\n".join(
        f"        {name}) COMPREPLY=({_bash_words(option)}); return ;;" for name, option in _with_values(verbs).items()
    )
    options = "\n".join(f'        {verb.name}) words="{" ".join(_words(verb))}" ;;' for verb in verbs.values())
    return f"""# Load it with: source <({PROGRAM} completion bash)
{_FUNCTION}() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" verb="" word words
    COMPREPLY=()
    case "$previous" in
{values}
    esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in
        {"|".join(verbs)}) verb="$word"; break ;;
        esac
    done
    words="{" ".join([*verbs, *(option.name for option in COMMON)])}"
    case "$verb" in
{options}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F {_FUNCTION} {PROGRAM}
"""


def _bash_words(option: Option) -> str:
    if option.completes == "file":
        return '$(compgen -f -- "$current")'
    choices = " ".join(_choices(option))
    return f'$(compgen -W "{choices}" -- "$current")' if choices else ""


def _zsh(verbs: Mapping[str, Verb]) -> str:
    values = "\n".join(f"    {name}) {_zsh_words(option)}; return ;;" for name, option in _with_values(verbs).items())
    options = "\n".join(f"    {verb.name}) compadd -- {' '.join(_words(verb))} ;;" for verb in verbs.values())
    described = "\n".join(f"        {_quoted(f'{verb.name}:{verb.summary}')}" for verb in verbs.values())
    return f"""#compdef {PROGRAM}
# Load it with: source <({PROGRAM} completion zsh), after compinit
{_FUNCTION}() {{
    local verb="" word
    local -a verbs
    verbs=(
{described}
    )
    case "${{words[CURRENT-1]}}" in
{values}
    esac
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$word" in
        {"|".join(verbs)}) verb="$word"; break ;;
        esac
    done
    case "$verb" in
    "") _describe command verbs; compadd -- {" ".join(option.name for option in COMMON)} ;;
{options}
    esac
}}
if [ "${{funcstack[1]}}" = {_FUNCTION} ]; then
    {_FUNCTION} "$@"
else
    compdef {_FUNCTION} {PROGRAM}
fi
"""


def _zsh_words(option: Option) -> str:
    if option.completes == "file":
        return "_files"
    choices = " ".join(_choices(option))
    return f"compadd -- {choices}" if choices else ":"


def _fish(verbs: Mapping[str, Verb]) -> str:
    lines = [f"# Load it with: {PROGRAM} completion fish | source", f"complete -c {PROGRAM} -f"]
    for verb in verbs.values():
        lines.append(f"complete -c {PROGRAM} -n __fish_use_subcommand -a {verb.name} -d {_quoted(verb.summary)}")
    lines += [_fish_option("", option) for option in COMMON]
    for verb in verbs.values():
        seen = f"-n '__fish_seen_subcommand_from {verb.name}' "
        lines += [_fish_option(seen, option) for option in verb.options]
        if words := [word for word in verb.operands if word != "-"]:
            lines.append(f"complete -c {PROGRAM} {seen}-a {_quoted(' '.join(words))}")
    return "\n".join(lines) + "\n"


def _fish_option(condition: str, option: Option) -> str:
    line = f"complete -c {PROGRAM} {condition}-l {option.name.removeprefix('--')} -d {_quoted(option.help)}"
    if not option.value:
        return line
    if option.completes == "file":
        return f"{line} -r -F"
    choices = " ".join(_choices(option))
    return f"{line} -x -a {_quoted(choices)}" if choices else f"{line} -x"


def _words(verb: Verb) -> list[str]:
    own = (option.name for option in (*verb.options, *COMMON))
    return [*own, *(word for word in verb.operands if word != "-")]


def _with_values(verbs: Mapping[str, Verb]) -> dict[str, Option]:
    every = (option for verb in verbs.values() for option in (*verb.options, *COMMON))
    return {option.name: option for option in every if option.value}


def _choices(option: Option) -> Iterable[str]:
    if option.name == "--backend":
        return BACKENDS
    named = {"environment": STANDARD_ENVIRONMENTS, "exchange": tuple(catalogue()), "file": (), "": option.choices}
    return named[option.completes]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_SCRIPTS: Mapping[str, Callable[[Mapping[str, Verb]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
SHELLS = tuple(_SCRIPTS)
