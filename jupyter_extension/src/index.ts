/**
 * The plugins of nbflow-lab. Each can be disabled by its id.
 */
import { notebook } from './plugins/notebook';
import { runview } from './plugins/runview';
import { session } from './plugins/session';
import { sidebar } from './plugins/sidebar';

export * from './tokens';
export default [session, sidebar, runview, notebook];
