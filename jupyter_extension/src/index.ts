/**
 * The plugins of nbflow-lab. Each can be disabled by its id.
 */
import { blocks } from './plugins/blocks';
import { deploymentpage } from './plugins/deploymentpage';
import { automations } from './plugins/automations';
import { cells } from './plugins/cells';
import { deepLinks, events } from './plugins/events';
import { files } from './plugins/files';
import { launcher } from './plugins/launcher';
import { notebook } from './plugins/notebook';
import { notify } from './plugins/notify';
import { running } from './plugins/running';
import { overview } from './plugins/overview';
import { artifactPages } from './plugins/artifactpages';
import { concurrency } from './plugins/concurrency';
import { pools } from './plugins/pools';
import { runview } from './plugins/runview';
import { session } from './plugins/session';
import { settings } from './plugins/settings';
import { sidebar } from './plugins/sidebar';
import { status } from './plugins/status';

export * from './tokens';
export default [
  session,
  settings,
  sidebar,
  runview,
  overview,
  deploymentpage,
  notebook,
  cells,
  files,
  launcher,
  status,
  running,
  pools,
  artifactPages,
  concurrency,
  events,
  deepLinks,
  blocks,
  automations,
  notify
];
