/**
 * A way to another page.
 */
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import React from 'react';

export interface IWayLink {
  commands: CommandRegistry;
  to: string;
  args: ReadonlyPartialJSONObject;
  children: string;
}

/** A way to another page; its name alone where there is no such page. */
export function Way({ commands, to, args, children }: IWayLink): JSX.Element {
  return commands.hasCommand(to) ? (
    <button
      className="jp-nbflow-LinkButton"
      onClick={() => void commands.execute(to, args)}
    >
      <bdi>{children}</bdi>
    </button>
  ) : (
    <bdi>{children}</bdi>
  );
}
