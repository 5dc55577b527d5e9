/**
 * Commands that not everybody may do: to others they are there, disabled, and say why.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Action, Allowed, Resource } from '../models/allowed';

type Options = CommandRegistry.ICommandOptions;

/** Give how a button offers a command: what it does, and why it cannot be done; empty: it can. */
export function offering(
  commands: CommandRegistry,
  { allowed }: { allowed: Allowed },
  args: ReadonlyPartialJSONObject
): (command: string) => { onClick: () => void; not: string } {
  return command => ({
    onClick: () => void commands.execute(command, args),
    not: allowed.whyNot(command)
  });
}

/** Give what adds commands that do something to a resource. */
export function guarded(
  { commands }: Pick<JupyterFrontEnd, 'commands'>,
  { allowed }: { allowed: Allowed },
  resource: Resource,
  action: Action = 'execute'
): (id: string, options: Options) => void {
  return (id, options) => {
    const { caption = '', isEnabled, execute } = options;
    allowed.need(id, resource, action);
    commands.addCommand(id, {
      ...options,
      caption: args =>
        allowed.whyNot(id) ||
        (typeof caption === 'function' ? caption.call(commands, args) : caption),
      isEnabled: args =>
        allowed.may(resource, action) && (isEnabled?.call(commands, args) ?? true),
      // A key does not ask whether it is enabled.
      execute: (args): unknown =>
        allowed.refuses(id) ? undefined : execute.call(commands, args)
    });
  };
}
