/**
 * The plugins of nbflow-lab. Each can be disabled by its id.
 */
import { deploymentpage } from './plugins/deploymentpage';
import { cells } from './plugins/cells';
import { notebook } from './plugins/notebook';
import { notify } from './plugins/notify';
import { runview } from './plugins/runview';
import { session } from './plugins/session';
import { settings } from './plugins/settings';
import { sidebar } from './plugins/sidebar';

export * from './tokens';
export default [
  session,
  settings,
  sidebar,
  runview,
  deploymentpage,
  notebook,
  cells,
  notify
];
