/**
 * The rarer commands on one run: suspend it, take its late end, set its state. Those that every
 * list of runs offers are in `commands.ts`, those on many in `runs.ts`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { TranslationBundle } from '@jupyterlab/translation';
import { accepted, describe, hit, isEnabledFor, tell, textOf } from '../commands';
import { guarded } from './guarded';
import { isSuspendable, lateEndOf } from '../models/states';
import type { ISession } from '../tokens';
import type { FlowRunRow, StateType } from '../wire';

export const RunCommandIDs = {
  openAtFailure: 'nbflow:open-at-failure',
  suspend: 'nbflow:suspend-run',
  acceptLateEnd: 'nbflow:accept-late-end',
  setState: 'nbflow:set-run-state'
} as const;

type Args = Parameters<typeof textOf>[0];

export function addRareRunCommands(app: JupyterFrontEnd, session: ISession): void {
  const { api, runs, trans } = session;
  const add = guarded(app, session, 'runs');
  const idOf = (args: Args): string => textOf(args, 'flow_run_id') || hit(app, 'runId');
  const describedBy = describe({ flow_run_id: trans.__('The id of the run.') });
  const enabledFor =
    (may: (row: FlowRunRow) => boolean) =>
    (args: Args): boolean =>
      isEnabledFor(runs.get(idOf(args)), idOf(args), may);

  add(RunCommandIDs.suspend, {
    label: trans.__('Suspend Run'),
    caption: trans.__(
      'End a run’s process at its next task; resumed, it goes on with what it had done'
    ),
    describedBy,
    isEnabled: enabledFor(isSuspendable),
    execute: args => tell(accepted(api.suspendFlowRun(idOf(args))))
  });
  add(RunCommandIDs.acceptLateEnd, {
    label: trans.__('Accept Late End'),
    caption: trans.__('Take what a run said after it had been given up as its end'),
    describedBy,
    isEnabled: enabledFor(run => lateEndOf(run.state) !== null),
    execute: args => tell(api.acceptLateEnd(idOf(args)))
  });
  add(RunCommandIDs.setState, {
    label: trans.__('Set State…'),
    caption: trans.__('Set the state of a run that is stuck'),
    describedBy,
    isEnabled: args => idOf(args) !== '',
    execute: async args => {
      const chosen = await chooseState(trans);
      if (chosen) {
        await tell(api.setFlowRunState(idOf(args), chosen.type, chosen.message));
      }
    }
  });
}

interface IChosen {
  type: StateType;
  message: string;
}

/** Ask which state a run is in, and why. */
async function chooseState(trans: TranslationBundle): Promise<IChosen | null> {
  const { button, value } = await showDialog({
    title: trans.__('Set the state of this run'),
    body: new StateChoice(trans),
    focusNodeSelector: 'select',
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Set State') })
    ]
  });
  return button.accept ? value : null;
}

class StateChoice extends Widget implements Dialog.IBodyWidget<IChosen> {
  constructor(trans: TranslationBundle) {
    super();
    this.addClass('jp-nbflow-StateChoice');
    const note = document.createElement('p');
    note.textContent = trans.__(
      'For a run that is stuck. Only its record changes: a process that still works on it is not told.'
    );
    const words: [StateType, string][] = [
      ['FAILED', trans.__('Failed')],
      ['COMPLETED', trans.__('Completed')],
      ['CANCELLED', trans.__('Cancelled')],
      ['CRASHED', trans.__('Crashed')]
    ];
    words.forEach(([type, word]) => this._type.add(new Option(word, type)));
    this._message.type = 'text';
    this.node.append(
      note,
      labelled(trans.__('State'), this._type),
      labelled(trans.__('Why'), this._message)
    );
  }

  getValue(): IChosen {
    return { type: this._type.value as StateType, message: this._message.value };
  }

  private readonly _type = document.createElement('select');
  private readonly _message = document.createElement('input');
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  const label = document.createElement('label');
  const said = document.createElement('span');
  said.textContent = text;
  control.classList.add('jp-mod-styled');
  label.append(said, control);
  return label;
}
