/**
 * How outputs and artifacts of runs are drawn: by JupyterLab's renderers, never trusted. Scripts do
 * not run, HTML is sanitised and may not click commands, SVG is an image.
 */
import { Sanitizer } from '@jupyterlab/apputils';
import type * as nbformat from '@jupyterlab/nbformat';
import {
  imageRendererFactory,
  RenderedImage,
  type IRenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

const SVG = 'image/svg+xml';
const SVG_RANK = 80;

/** Give a registry for what comes out of runs. */
export function safeRegistry(registry: IRenderMimeRegistry): IRenderMimeRegistry {
  const sanitizer = new Sanitizer();
  // Older releases of JupyterLab 4 have no such switch.
  (sanitizer as Partial<Sanitizer>).setAllowCommandLinker?.(false);
  const safe = registry.clone({ sanitizer });
  safe.addFactory(svgFactory, SVG_RANK);
  safe.addFactory(imageFactory, imageRendererFactory.defaultRank);
  return safe;
}

const ATTACHMENT = 'attachment:';
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** Find the pictures attached to a markdown cell, which its text addresses as `attachment:NAME`. */
export function attachmentResolver(
  attachments: nbformat.IAttachments
): IRenderMime.IResolver {
  return {
    isLocal: url => url.startsWith(ATTACHMENT),
    resolveUrl: url => Promise.resolve(url),
    getDownloadUrl: url => {
      const bundle =
        attachments[decodeURIComponent(url.slice(ATTACHMENT.length))] ?? {};
      const [mime, data] =
        Object.entries(bundle).find(([type]) => PICTURES.includes(type)) ?? [];
      return Promise.resolve(
        typeof data === 'string' ? `data:${mime};base64,${data}` : url
      );
    }
  };
}

/** What a reader without the picture is told: the text that came with it. */
function saidOf({ data }: IRenderMime.IMimeModel): string {
  const text = data['text/plain'];
  return Array.isArray(text) ? text.join('') : typeof text === 'string' ? text : '';
}

class SaidImage extends RenderedImage {
  override async render(model: IRenderMime.IMimeModel): Promise<void> {
    await super.render(model);
    this.node.querySelector('img')?.setAttribute('alt', saidOf(model));
  }
}

const imageFactory: IRenderMime.IRendererFactory = {
  ...imageRendererFactory,
  createRenderer: options => new SaidImage(options)
};

/** Within `<img>` an SVG can neither run scripts nor load anything. */
class SvgImage extends Widget implements IRenderMime.IRenderer {
  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const text = model.data[SVG];
    const image = document.createElement('img');
    image.alt = saidOf(model);
    image.src = `data:${SVG},${encodeURIComponent(typeof text === 'string' ? text : '')}`;
    this.node.replaceChildren(image);
    return Promise.resolve();
  }
}

const svgFactory: IRenderMime.IRendererFactory = {
  safe: true,
  mimeTypes: [SVG],
  defaultRank: SVG_RANK,
  createRenderer: () => {
    const image = new SvgImage();
    image.addClass('jp-RenderedImage');
    return image;
  }
};
