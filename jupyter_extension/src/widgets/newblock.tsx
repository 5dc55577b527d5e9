/**
 * The dialog in which a block of a type is made.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { NewBlockFields } from '../components/newblock';
import { NewBlockModel } from '../models/newblock';
import type { ISession } from '../tokens';
import type { BlockDocument, BlockType } from '../wire';
import { FormDialog } from './formdialog';

/** Ask for a block, and save it; null: the dialog was closed. */
export async function askForBlock(
  type: BlockType,
  { blocks, trans }: ISession
): Promise<BlockDocument | null> {
  const model = new NewBlockModel(blocks, [type], trans);
  await new FormDialog({
    title: trans.__('New block: %1', type.name),
    body: new NewBlockWidget(model, trans),
    submitLabel: trans.__('Save'),
    submitClass: 'jp-nbflow-BlockSubmit',
    submit: () => model.submit(),
    trans
  }).launch();
  return model.made;
}

class NewBlockWidget extends ReactWidget {
  constructor(
    private readonly _model: NewBlockModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-RunForm');
  }

  protected render(): JSX.Element {
    return (
      <form onSubmit={event => event.preventDefault()}>
        <NewBlockFields model={this._model} trans={this._trans} />
      </form>
    );
  }
}
