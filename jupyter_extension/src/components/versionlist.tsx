/**
 * What a deployment was, version by version, and how two of them differ, field by field.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';
import type { IPair } from '../models/deploymentversions';
import type { DeploymentVersion, FieldChange, Json, VersionDiff } from '../wire';
import { Ago } from './duration';
import { plainText } from './loglist';
import { personText } from './person';

/** A value longer than this is shown by its beginning. */
const LONGEST = 4000;

export interface IVersionList {
  versions: readonly DeploymentVersion[];
  /** Why none can be gone back to; empty: they can. */
  locked: string;
  onRollBack: (version: number) => void;
  onCompare: (version: number) => void;
  trans: TranslationBundle;
}

export function VersionList(props: IVersionList): JSX.Element {
  const { versions, trans } = props;
  return (
    <table className="jp-nbflow-Table">
      <caption className="jp-nbflow-Hidden">
        {trans.__('Versions, newest first')}
      </caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Version')}</th>
          <th scope="col">{trans.__('Made')}</th>
          <th scope="col">{trans.__('By')}</th>
          <th scope="col">{trans.__('Note')}</th>
          <th scope="col">
            <span className="jp-nbflow-Hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map((version, at) => (
          <Row key={version.id} version={version} newest={at === 0} {...props} />
        ))}
      </tbody>
    </table>
  );
}

interface IRow extends IVersionList {
  version: DeploymentVersion;
  newest: boolean;
}

function Row({ version, newest, ...props }: IRow): JSX.Element {
  const { locked, onRollBack, onCompare, trans } = props;
  const { version: number, created_at, made_by, created_by, note } = version;
  return (
    <tr data-version={number}>
      <th scope="row">
        {number}{' '}
        {newest && <span className="jp-nbflow-Tag">{trans.__('deployed')}</span>}
      </th>
      <td>
        <Ago at={created_at} trans={trans} />
      </td>
      <td title={created_by ?? undefined}>{makerText(made_by, created_by, trans)}</td>
      <td className="jp-nbflow-Table-wide">{plainText(note)}</td>
      <td className="jp-nbflow-Table-actions">
        {!newest && (
          <>
            <button
              className="jp-nbflow-LinkButton"
              name="compare"
              onClick={() => onCompare(number)}
            >
              {trans.__('Compare')}
            </button>
            <button
              className="jp-nbflow-LinkButton"
              name="roll-back"
              disabled={locked !== ''}
              title={locked || trans.__('Make a new version equal to this one')}
              onClick={() => onRollBack(number)}
            >
              {trans.__('Roll back…')}
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

/** By which face something was made, and by whom. */
export function makerText(
  made_by: string,
  created_by: string | null,
  trans: TranslationBundle
): string {
  const face = madeByText(made_by, trans);
  return created_by ? trans.__('%1 (%2)', face, personText(created_by, trans)) : face;
}

/** By which face something was made. */
function madeByText(made_by: string, trans: TranslationBundle): string {
  const known: Record<string, string> = {
    form: trans.__('the form'),
    yaml: trans.__('nbflow.yaml'),
    cli: trans.__('the command line'),
    code: trans.__('Python code'),
    rest: trans.__('the REST API')
  };
  return known[made_by] ?? made_by;
}

export interface IVersionDiff {
  pair: IPair;
  versions: readonly DeploymentVersion[];
  diff: VersionDiff | null;
  onCompare: (pair: IPair) => void;
  trans: TranslationBundle;
}

export function VersionDiffTable(props: IVersionDiff): JSX.Element {
  const { pair, versions, diff, onCompare, trans } = props;
  return (
    <>
      <div className="jp-nbflow-Pair">
        <VersionChoice
          label={trans.__('From version')}
          value={pair.before}
          versions={versions}
          onChange={before => onCompare({ ...pair, before })}
        />
        <VersionChoice
          label={trans.__('to version')}
          value={pair.after}
          versions={versions}
          onChange={after => onCompare({ ...pair, after })}
        />
      </div>
      {diff && diff.changes.length > 0 && (
        <table className="jp-nbflow-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Field')}</th>
              <th scope="col">{trans.__('Before')}</th>
              <th scope="col">{trans.__('After')}</th>
            </tr>
          </thead>
          <tbody>
            {diff.changes.map(change => (
              <Change key={change.field} {...change} trans={trans} />
            ))}
          </tbody>
        </table>
      )}
      {diff?.changes.length === 0 && (
        <p className="jp-nbflow-Note">{trans.__('They are equal.')}</p>
      )}
    </>
  );
}

interface IVersionChoice {
  label: string;
  value: number;
  versions: readonly DeploymentVersion[];
  onChange: (version: number) => void;
}

function VersionChoice(props: IVersionChoice): JSX.Element {
  const { label, value, versions, onChange } = props;
  const id = useId();
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="jp-nbflow-Select"
        value={value}
        onChange={event => onChange(Number(event.target.value))}
      >
        {versions.map(({ version }) => (
          <option key={version} value={version}>
            {version}
          </option>
        ))}
      </select>
    </>
  );
}

function Change({
  field,
  before,
  after,
  trans
}: FieldChange & { trans: TranslationBundle }): JSX.Element {
  return (
    <tr data-field={field}>
      <th scope="row">
        {field === 'snapshot' ? trans.__('content') : <code>{field}</code>}
      </th>
      <td className="jp-nbflow-Table-value">{shown(field, before, trans)}</td>
      <td className="jp-nbflow-Table-value">{shown(field, after, trans)}</td>
    </tr>
  );
}

function shown(field: string, value: Json, trans: TranslationBundle): string {
  if (field === 'snapshot' && typeof value === 'string') {
    return value.slice(0, 12);
  }
  if (value === null || value === '') {
    return trans.__('none');
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return plainText(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
