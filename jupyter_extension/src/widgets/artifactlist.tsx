/**
 * A run's artifacts, newest last. MIME bundles are drawn by JupyterLab's renderers, never trusted.
 */
import { MimeModel, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import React from 'react';
import {
  ArtifactCard,
  type IArtifactTools,
  type IDrawing
} from '../components/artifact';
import { Empty, Skeleton } from '../components/empty';
import { useModel } from '../components/usemodel';
import { ArtifactContents } from '../models/artifacts';
import type { RunModel } from '../models/run';
import type { IApi } from '../tokens';

export interface IArtifactList extends Pick<IArtifactTools, 'opener' | 'trans'> {
  model: RunModel;
  api: IApi;
  rendermime: IRenderMimeRegistry;
}

export class ArtifactList extends ReactWidget {
  constructor({ model, api, rendermime, opener, trans }: IArtifactList) {
    super();
    this.addClass('jp-nbflow-ArtifactList');
    this._model = model;
    this._tools = {
      contents: new ArtifactContents(api),
      drawing: drawingOf(rendermime),
      opener,
      trans
    };
  }

  protected render(): JSX.Element {
    return <All model={this._model} tools={this._tools} />;
  }

  private readonly _model: RunModel;
  private readonly _tools: IArtifactTools;
}

function All({
  model,
  tools
}: {
  model: RunModel;
  tools: IArtifactTools;
}): JSX.Element {
  useModel(model);
  const { artifacts } = model;
  const { trans } = tools;
  if (artifacts === null) {
    return <Skeleton rows={4} trans={trans} />;
  }
  return artifacts.length ? (
    <>
      {artifacts.map(artifact => (
        <ArtifactCard key={artifact.id} artifact={artifact} {...tools} />
      ))}
    </>
  ) : (
    <Empty>{trans.__('This run has made no artifacts.')}</Empty>
  );
}

/** Draw by the renderers that are safe with what nobody trusts. */
export function drawingOf(rendermime: IRenderMimeRegistry): IDrawing {
  return {
    choose: bundle => rendermime.preferredMimeType(bundle, 'ensure'),
    draw: (mime, bundle, host) => {
      const renderer = rendermime.createRenderer(mime);
      const data = bundle as ReadonlyPartialJSONObject;
      const drawn = renderer.renderModel(new MimeModel({ data, trusted: false }));
      drawn.catch((reason: unknown) => {
        renderer.node.textContent = String(reason);
      });
      Widget.attach(renderer, host);
      return renderer;
    }
  };
}
