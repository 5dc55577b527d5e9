/**
 * The commands on events. The page is opened in `plugins/events.ts`, an automation's form elsewhere.
 */
export const EventCommands = {
  open: 'nbflow:open-events',
  /** Another plugin's; `trigger` is what it begins with. */
  automate: 'nbflow:new-automation'
} as const;
