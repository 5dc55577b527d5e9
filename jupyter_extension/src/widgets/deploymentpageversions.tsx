/**
 * What a deployment was: how its files differ from what is deployed, its versions, two of them compared.
 */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { confirmed, tell } from '../commands';
import { DriftList } from '../components/driftlist';
import { ProblemNote, Skeleton } from '../components/empty';
import { useModel } from '../components/usemodel';
import { VersionDiffTable, VersionList } from '../components/versionlist';
import type { DeploymentPageModel } from '../models/deploymentpage';
import type { Problem } from '../wire';
import type { IDeploymentPart } from './deploymentpage';

export function VersionsPart({ model, session }: IDeploymentPart): JSX.Element {
  const { versions } = model;
  useModel(versions);
  const { trans } = session;
  if (!versions.versions) {
    return versions.problem ? (
      <ProblemNote problem={versions.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  const newest = versions.versions[0]?.version ?? 1;
  const compare = (before: number): void =>
    void versions.compare({ before, after: newest });
  return (
    <div className="jp-nbflow-Part-all">
      {versions.problem && <ProblemNote problem={versions.problem} />}
      <DriftCard model={model} trans={trans} />
      <section aria-label={trans.__('Versions')}>
        <h2>{trans.__('Versions')}</h2>
        <VersionList
          versions={versions.versions}
          locked={model.locked}
          onRollBack={version => void rollBack(model, version, trans)}
          onCompare={compare}
          trans={trans}
        />
        {versions.more && (
          <button className="jp-nbflow-Button" onClick={() => void versions.loadMore()}>
            {trans.__('Show more')}
          </button>
        )}
      </section>
      {versions.pair && (
        <section aria-label={trans.__('What changed')} aria-live="polite">
          <h2>{trans.__('What changed')}</h2>
          <VersionDiffTable
            pair={versions.pair}
            versions={versions.versions}
            diff={versions.diff}
            onCompare={pair => void versions.compare(pair)}
            trans={trans}
          />
          {versions.diffProblem && <ProblemNote problem={versions.diffProblem} />}
        </section>
      )}
    </div>
  );
}

interface IDriftCard {
  model: DeploymentPageModel;
  trans: TranslationBundle;
}

function DriftCard({ model, trans }: IDriftCard): JSX.Element {
  const { drift, driftProblem } = model.versions;
  const [busy, setBusy] = useState(false);
  const refresh = async (): Promise<void> => {
    setBusy(true);
    await tell(model.refresh());
    setBusy(false);
  };
  const live = model.row?.source === 'live';
  return (
    <section
      className="jp-nbflow-DriftCard"
      aria-label={trans.__('The file and what is deployed')}
      data-drifted={drift?.drifted ?? false}
    >
      <h2>{trans.__('The file and what is deployed')}</h2>
      {driftProblem && <ProblemNote problem={driftProblem} />}
      {!drift && !driftProblem && <Skeleton rows={1} trans={trans} />}
      {drift && <DriftList drift={drift} trans={trans} />}
      {live && (
        <p className="jp-nbflow-Note">
          {trans.__('Its runs read the file as it is when they start (live).')}
        </p>
      )}
      <div className="jp-nbflow-DriftCard-actions">
        {drift?.drifted && (
          <button
            className="jp-nbflow-Button jp-mod-accent"
            name="refresh"
            disabled={busy || model.locked !== ''}
            title={model.locked || undefined}
            onClick={() => void refresh()}
          >
            {trans.__('Deploy the file as it is now')}
          </button>
        )}
        <button
          className="jp-nbflow-Button"
          name="look-again"
          onClick={() => void model.versions.askNow()}
        >
          {trans.__('Look again')}
        </button>
      </div>
    </section>
  );
}

async function rollBack(
  model: DeploymentPageModel,
  version: number,
  trans: TranslationBundle
): Promise<void> {
  const title = trans.__('Roll back to version %1?', version);
  const body = trans.__(
    'A new version is made that is equal to it. Schedules, pause and limits stay as they are.'
  );
  if (await confirmed(title, body, trans.__('Roll Back'))) {
    await tell(model.rollBack(version));
  }
}

/** Ask whether to take over a deployment that was made another way. */
export async function takeOver(
  { message }: Problem,
  trans: TranslationBundle
): Promise<boolean> {
  const body = trans.__(
    '%1 What is changed here is lost when it is deployed that way again.',
    message
  );
  const buttons = [
    Dialog.cancelButton(),
    Dialog.warnButton({ label: trans.__('Change It Here') })
  ];
  const title = trans.__('Made another way');
  const { button } = await showDialog({ title, body, buttons, defaultButton: 0 });
  return button.accept;
}
