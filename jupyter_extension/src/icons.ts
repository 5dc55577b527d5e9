/**
 * nbflow's own icons. Everything else is drawn with JupyterLab's.
 */
import { LabIcon } from '@jupyterlab/ui-components';

const svg = (body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">${body}</svg>`;

/** Three cells that flow into one another. */
export const nbflowIcon = new LabIcon({
  name: 'nbflow:flow',
  svgstr: svg(
    '<g class="jp-icon3" fill="#616161">' +
      '<rect x="2.5" y="3.5" width="9" height="5" rx="1.4"/>' +
      '<rect x="12.5" y="15.5" width="9" height="5" rx="1.4"/>' +
      '<path d="M13 5.2h3.4a3.6 3.6 0 0 1 0 7.2H7.6a1.9 1.9 0 0 0 0 3.8h1.2v-1.7l3 2.6-3 2.6v-1.7H7.6a3.7 3.7 0 0 1 0-7.4h8.8a1.8 1.8 0 0 0 0-3.6H13z"/>' +
      '</g>'
  )
});

/** A clock with an arrow into it: make this notebook run on its own. */
export const deployIcon = new LabIcon({
  name: 'nbflow:deploy',
  svgstr: svg(
    '<g class="jp-icon3" fill="#616161">' +
      '<path d="M12 2.5l4.6 4.6-1.4 1.4L13 6.3V14h-2V6.3L8.8 8.5 7.4 7.1z"/>' +
      '<path d="M4.5 11.5H8v2H6.2v6h11.6v-6H16v-2h3.5a.8.8 0 0 1 .8.8v8.4a.8.8 0 0 1-.8.8h-15a.8.8 0 0 1-.8-.8v-8.4a.8.8 0 0 1 .8-.8z"/>' +
      '</g>'
  )
});

/** A cell at the end of what leads to it: run it with all it needs. */
export const upstreamIcon = new LabIcon({
  name: 'nbflow:upstream',
  svgstr: svg(
    '<g class="jp-icon3" fill="#616161">' +
      '<path d="M9 12.5v8l7-4z"/><path d="M12 2.5l4.6 4.6-1.4 1.4L13 6.3v4.2h-2V6.3L8.8 8.5 7.4 7.1z"/>' +
      '</g>'
  )
});

/** A cell at the head of what follows from it: run it with all that needs it. */
export const downstreamIcon = new LabIcon({
  name: 'nbflow:downstream',
  svgstr: svg(
    '<g class="jp-icon3" fill="#616161">' +
      '<path d="M9 3.5v8l7-4z"/><path d="M12 21.5l4.6-4.6-1.4-1.4-2.2 2.2v-4.2h-2v4.2l-2.2-2.2-1.4 1.4z"/>' +
      '</g>'
  )
});
