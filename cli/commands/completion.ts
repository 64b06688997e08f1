/** `signalbox completion bash|zsh|fish`: a script that completes commands and options, made from the commands themselves. */
import { Argument } from 'commander';
import type { Command } from 'commander';
import type { Shell } from '../shell.ts';

type Dialect = 'bash' | 'zsh' | 'fish';

export function addCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .helpGroup('On this machine:')
    .description('print a completion script, e.g. source <(signalbox completion bash)')
    .action(shell.run(async (dialect: Dialect) => shell.say(...completionScript(program, dialect))));
}

/** Lines of the script; words come from commander's own list, so it cannot lag behind. */
export function completionScript(program: Command, dialect: Dialect): string[] {
  const commands = program.commands.map((command) => ({ name: command.name(), words: wordsOf(command) }));
  if (dialect === 'fish') return fishScript(commands);
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(({ name, words }) => `    ${name}) words='${words.join(' ')}' ;;`);
  return [
    ...(dialect === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_signalbox() {',
    '  local words current="${COMP_WORDS[COMP_CWORD]}"',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    "    *) words='' ;;",
    '  esac',
    `  if [ "$COMP_CWORD" -eq 1 ]; then words='${names}'; fi`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _signalbox signalbox',
  ];
}

interface Completed {
  readonly name: string;
  readonly words: readonly string[];
}

function fishScript(commands: readonly Completed[]): string[] {
  return commands.flatMap(({ name, words }) => [
    `complete -c signalbox -n __fish_use_subcommand -a ${name}`,
    ...words.map((word) =>
      word.startsWith('--') ? `complete -c signalbox -n '__fish_seen_subcommand_from ${name}' -l ${word.slice(2)}` : `complete -c signalbox -n '__fish_seen_subcommand_from ${name}' -a ${word}`,
    ),
  ]);
}

function wordsOf(command: Command): string[] {
  const nested = command.commands.flatMap((inner) => [inner.name(), ...wordsOf(inner)]);
  return [...new Set([...nested, ...command.options.flatMap((option) => option.long ?? [])])];
}
