/**
 * What is used of two packages that the page brings: their tokens, as they are there. The packages
 * themselves, and what they depend on, are needed neither to build nor to run.
 */
declare module '@jupyterlab/launcher' {
  import type { Token } from '@lumino/coreutils';
  import type { IDisposable } from '@lumino/disposable';

  export interface ILauncher {
    add(item: { command: string; category?: string; rank?: number }): IDisposable;
  }
  export const ILauncher: Token<ILauncher>;
}

declare module '@jupyterlab/running' {
  import type { LabIcon } from '@jupyterlab/ui-components';
  import type { Token } from '@lumino/coreutils';
  import type { IDisposable } from '@lumino/disposable';
  import type { ISignal } from '@lumino/signaling';

  export namespace IRunningSessions {
    interface IRunningItem {
      className?: string;
      /** Set as `data-context`. */
      context?: string;
      open?: () => void;
      shutdown?: () => void;
      icon: () => LabIcon | string;
      label: () => string;
      labelTitle?: () => string;
      detail?: () => string;
    }
    interface IManager {
      /** In the plural. */
      name: string;
      running(options: { mode: 'tree' | 'list' }): IRunningItem[];
      refreshRunning(): void;
      runningChanged: ISignal<unknown, unknown>;
      shutdownAll(): void;
      shutdownLabel?: string;
      shutdownAllLabel?: string;
      shutdownAllConfirmationText?: string;
      shutdownItemIcon?: LabIcon;
    }
  }
  export interface IRunningSessionManagers {
    add(manager: IRunningSessions.IManager): IDisposable;
  }
  export const IRunningSessionManagers: Token<IRunningSessionManagers>;
}
