/**
 * The commands on events. The page is opened in `plugins/events.ts`.
 */
export const EventCommands = {
  open: 'nbflow:open-events'
} as const;
