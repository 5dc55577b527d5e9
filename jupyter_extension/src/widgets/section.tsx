/**
 * What the smaller sections of the sidebar have in common: they look at their model while they are in
 * sight, and only then.
 */
import { CommandToolbarButton, Toolbar } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import React from 'react';
import { ProblemNote, Skeleton } from '../components/empty';
import { useModel } from '../components/usemodel';
import type { Looking } from '../models/looking';
import { InSight } from './insight';

/** A widget that looks at models while it is in sight, and draws nothing while it is not. */
export abstract class Looker extends InSight {
  constructor(private readonly _models: readonly Looking[]) {
    super();
  }

  override dispose(): void {
    this._away();
    super.dispose();
  }

  protected override onBeforeDetach(message: Message): void {
    this._away();
    super.onBeforeDetach(message);
  }

  protected override turned(shown: boolean): void {
    if (!shown) {
      this._away();
    } else if (!this._looks.length) {
      this._looks = this._models.map(model => model.look());
    }
  }

  private _away(): void {
    this._looks.forEach(look => look.dispose());
    this._looks = [];
  }

  private _looks: readonly IDisposable[] = [];
}

export interface ISection {
  label: string;
  className: string;
  model: Looking;
  commands: CommandRegistry;
  /** The commands whose buttons stand beside the title. */
  tools: readonly string[];
  trans: TranslationBundle;
  /** Draw the rows, once they are known. */
  draw: () => JSX.Element;
}

export class Section extends Looker {
  constructor(private readonly _options: ISection) {
    super([_options.model]);
    const { label, className, commands, tools } = _options;
    this.addClass('jp-nbflow-Section');
    this.addClass(className);
    this.title.label = label;
    for (const id of tools) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      this.toolbar.addItem(id, button);
    }
  }

  readonly toolbar = new Toolbar();

  protected draw(): JSX.Element {
    return <Rows {...this._options} />;
  }
}

function Rows({ model, trans, draw: Drawn }: ISection): JSX.Element {
  useModel(model);
  if (!model.loaded && !model.problem) {
    return <Skeleton rows={3} trans={trans} />;
  }
  return (
    <>
      {model.problem && <ProblemNote problem={model.problem} />}
      {model.loaded && <Drawn />}
    </>
  );
}
