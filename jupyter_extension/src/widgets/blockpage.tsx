/**
 * The page of one block: its fields, the code that loads it, its schema, what refers to it.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { BlockCommands } from '../commands/blocks';
import { Card, CardTools } from '../components/card';
import { Ago } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import { BlockPageModel } from '../models/blockpage';
import { snippetOf } from '../models/blockschemas';
import type { FieldsForm } from '../models/fieldsform';
import type { ISession } from '../tokens';
import type { BlockDocument } from '../wire';
import { BlockLinks, MoreOfType } from './blockspage';
import { Looker } from './section';

export interface IBlockPage {
  id: string;
  session: ISession;
  commands: CommandRegistry;
}

export class BlockPage extends Looker {
  constructor(private readonly _options: IBlockPage) {
    const { id, session } = _options;
    super([session.blocks]);
    this.model = new BlockPageModel(id, session.blocks, session.trans);
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-BlockPage');
    this.node.dataset.block = id;
    this._name();
    this.model.stateChanged.connect(this._name, this);
  }

  readonly model: BlockPageModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} model={this.model} />;
  }

  private _name(): void {
    this.title.label = this.model.label;
  }
}

interface IPart extends IBlockPage {
  model: BlockPageModel;
}

function Whole(props: IPart): JSX.Element {
  const { model, session } = props;
  const { allowed, blocks, trans } = session;
  useModel(model);
  useModel(allowed);
  const { row } = model;
  if (model.gone) {
    return (
      <Empty title={trans.__('There is no block “%1”', model.label)}>
        <p>{trans.__('It was deleted, or never saved.')}</p>
      </Empty>
    );
  }
  if (!row) {
    return blocks.problem ? (
      <ProblemNote problem={blocks.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  return (
    <>
      <Head {...props} row={row} />
      <Lost feed={session.feed} trans={trans} />
      {model.problem && <ProblemNote problem={model.problem} />}
      <Fields {...props} />
      <Code {...props} row={row} />
      <Referring {...props} />
    </>
  );
}

function Head({ model, session, commands, row }: IPart & Row): JSX.Element {
  const { allowed, trans } = session;
  const { type, schema } = model;
  const remove = {
    name: 'delete',
    label: trans.__('Delete'),
    not: allowed.whyNot(BlockCommands.remove),
    onClick: () => void commands.execute(BlockCommands.remove, { block: row.id })
  };
  return (
    <div className="jp-nbflow-Page-head">
      <div className="jp-nbflow-Page-title">
        <h1 dir="auto" title={model.label}>
          {row.name ?? row.id}
        </h1>
        <span className="jp-nbflow-Tag" dir="auto">
          {type?.name ?? row.type_slug}
        </span>
        <CardTools tools={[remove]} />
      </div>
      {type && (
        <p className="jp-nbflow-BlockWords" dir="auto">
          {type.description}
        </p>
      )}
      {type && <MoreOfType type={type} trans={trans} />}
      <dl className="jp-nbflow-Facts">
        <div>
          <dt>{trans.__('Changed')}</dt>
          <dd>
            <Ago at={row.updated_at} trans={trans} />
          </dd>
        </div>
        {schema && (
          <div>
            <dt>{trans.__('Schema version')}</dt>
            <dd title={schema.checksum}>{schema.version}</dd>
          </div>
        )}
        {schema && schema.capabilities.length > 0 && (
          <div>
            <dt>{trans.__('Can do')}</dt>
            <dd className="jp-nbflow-BlockTags">
              {schema.capabilities.map(one => (
                <span className="jp-nbflow-Tag" dir="auto" key={one}>
                  {one}
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

interface Row {
  row: BlockDocument;
}

function Fields({ model, session }: IPart): JSX.Element {
  const { allowed, trans } = session;
  const { form } = model;
  const not = allowed.reason('blocks', 'write');
  const tools = [
    {
      name: 'undo-block',
      label: trans.__('Undo'),
      disabled: !model.edited || form?.submitting,
      onClick: () => void model.forget()
    },
    {
      name: 'save-block',
      label: trans.__('Save'),
      accent: true,
      not,
      disabled: !model.edited || form?.submitting,
      onClick: () => void model.save()
    }
  ];
  return (
    <Card
      title={trans.__('Fields')}
      className="jp-nbflow-RunForm"
      tools={<CardTools tools={tools} />}
    >
      {model.outdated && !not && (
        <div className="jp-nbflow-Problem" role="status">
          <span>
            {trans.__('It was made by an older schema than its type has now.')}
          </span>
          <button
            className="jp-nbflow-LinkButton"
            name="take-newest"
            onClick={() => void model.takeNewest()}
          >
            {trans.__('Show the fields of the newest')}
          </button>
        </div>
      )}
      {model.overtaken && model.edited && (
        <div className="jp-nbflow-Problem" role="alert">
          <span>
            {trans.__(
              'Somebody else changed it meanwhile: what you typed cannot be saved over that.'
            )}
          </span>
          <button
            className="jp-nbflow-LinkButton"
            name="show-theirs"
            onClick={() => void model.forget()}
          >
            {trans.__('Show what is there')}
          </button>
        </div>
      )}
      {form ? (
        <Filled form={form} title={model.label} locked={not !== ''} trans={trans} />
      ) : (
        !model.problem && <Skeleton rows={3} trans={trans} />
      )}
    </Card>
  );
}

interface IFilled {
  form: FieldsForm;
  title: string;
  locked: boolean;
  trans: ISession['trans'];
}

function Filled({ form, title, locked, trans }: IFilled): JSX.Element {
  return (
    <fieldset className="jp-nbflow-Form" disabled={locked || form.submitting}>
      {form.problem && <ProblemNote problem={form.problem} />}
      <SchemaForm
        form={form.form}
        title={title}
        problems={form.problems}
        onChange={(next, at) => form.edit(next, at)}
        trans={trans}
      />
    </fieldset>
  );
}

function Code({ model, session, commands, row }: IPart & Row): JSX.Element {
  const { trans } = session;
  const copy = {
    name: 'copy-code',
    label: trans.__('Copy'),
    onClick: () => void commands.execute(BlockCommands.copy, { block: row.id })
  };
  return (
    <Card title={trans.__('Code that loads it')} tools={<CardTools tools={[copy]} />}>
      <pre className="jp-nbflow-BlockCode" tabIndex={0}>
        {snippetOf(row, model.type)}
      </pre>
    </Card>
  );
}

function Referring({ model, session, commands }: IPart): JSX.Element {
  const { trans } = session;
  const rows = model.referring;
  return (
    <Card title={trans.__('Used by')}>
      {rows.length ? (
        <BlockLinks rows={rows} commands={commands} />
      ) : (
        <p className="jp-nbflow-Note">{trans.__('No other block refers to it.')}</p>
      )}
    </Card>
  );
}
