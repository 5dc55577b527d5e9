/**
 * Pages of the main area: one a subject, opened by a command, restored with the layout. Notebook 7 has
 * its document there; its pages open below it.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { SplitPanel, type Widget } from '@lumino/widgets';
import { CATEGORY, describe } from '../commands';
import { nbflowIcon } from '../icons';
import { ISession, type IModel } from '../tokens';

const LEAST_SHARE = 0.25;

type Args = ReadonlyPartialJSONObject;

/** What a page shows. Its title is the tab's; its model says when what is kept of it changes. */
export interface IPage extends Widget {
  readonly model: IModel;
}

export interface IPageKind<Page extends IPage> {
  /** Of the tracker, and the beginning of every page's id. */
  namespace: string;
  command: string;
  label: string;
  caption: string;
  /** The command's arguments: names and what they are. */
  args: { [name: string]: string };
  /** The subject's id; null: none is meant, nothing opens. A page without a subject has a fixed one. */
  idOf(args: Args): string | null;
  make(id: string, args: Args): Page;
  /** What opens the page again as it is. */
  argsOf(page: Page): ReadonlyJSONObject;
  /** The page is open already, and was asked for once more. */
  again?(page: Page, args: Args): void;
}

/** What a plugin of pages works with. */
export interface IPlaces {
  app: JupyterFrontEnd;
  session: ISession;
  /** Add the command that opens pages of a kind. */
  add<Page extends IPage>(kind: IPageKind<Page>): void;
  /** List commands in the palette. */
  list(...commands: string[]): void;
}

/** Make a plugin whose pages need the session alone. */
export function pagesPlugin(
  id: string,
  description: string,
  activate: (places: IPlaces) => void
): JupyterFrontEndPlugin<void> {
  return {
    id,
    description,
    autoStart: true,
    requires: [ISession],
    optional: [ILabShell, ILayoutRestorer, ICommandPalette],
    activate: (
      app: JupyterFrontEnd,
      session: ISession,
      shell: ILabShell | null,
      restorer: ILayoutRestorer | null,
      palette: ICommandPalette | null
    ): void =>
      activate({
        app,
        session,
        add: kind => void addPages(app, shell, restorer, kind),
        list: (...commands) =>
          commands.forEach(command => palette?.addItem({ command, category: CATEGORY }))
      })
  };
}

/** Add the command that opens pages of a kind. */
export function addPages<Page extends IPage>(
  app: JupyterFrontEnd,
  shell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  kind: IPageKind<Page>
): WidgetTracker<MainAreaWidget<Page>> {
  const { namespace, command, label, caption } = kind;
  const tracker = new WidgetTracker<MainAreaWidget<Page>>({ namespace });

  const open = async (id: string, args: Args): Promise<MainAreaWidget<Page>> => {
    const widget = framed(kind.make(id, args), `${namespace}-${id}`, caption);
    saveWhenChanged(widget, kind, tracker);
    await tracker.add(widget);
    app.shell.add(widget, shell ? 'main' : 'down');
    return widget;
  };
  app.commands.addCommand(command, {
    label,
    caption,
    icon: nbflowIcon,
    describedBy: describe(kind.args),
    execute: async args => {
      const id = kind.idOf(args);
      if (id === null) {
        return;
      }
      const known = tracker.find(widget => widget.id === `${namespace}-${id}`);
      if (known) {
        kind.again?.(known.content, args);
      }
      const widget = known ?? (await open(id, args));
      app.shell.activateById(widget.id);
      if (!shell) {
        makeRoom(widget);
      }
    }
  });
  void restorer?.restore(tracker, {
    command,
    args: ({ content }) => kind.argsOf(content),
    name: widget => widget.id
  });
  return tracker;
}

function framed<Page extends IPage>(
  content: Page,
  id: string,
  caption: string
): MainAreaWidget<Page> {
  const widget = new MainAreaWidget({ content });
  widget.toolbar.hide();
  widget.id = id;
  const follow = (): void => {
    Object.assign(widget.title, { label: content.title.label, caption });
  };
  widget.title.icon = nbflowIcon;
  widget.title.closable = true;
  follow();
  content.title.changed.connect(follow);
  return widget;
}

function saveWhenChanged<Page extends IPage>(
  widget: MainAreaWidget<Page>,
  kind: IPageKind<Page>,
  tracker: WidgetTracker<MainAreaWidget<Page>>
): void {
  const now = (): string => JSON.stringify(kind.argsOf(widget.content));
  let saved = now();
  widget.content.model.stateChanged.connect(() => {
    if (saved !== now()) {
      saved = now();
      void tracker.save(widget);
    }
  });
}

/** Notebook 7 gives its lower area no height until somebody drags it up. */
function makeRoom(widget: Widget): void {
  for (let above = widget.parent; above; above = above.parent) {
    if (above instanceof SplitPanel && above.orientation === 'vertical') {
      const [, below = 0] = above.relativeSizes();
      above.setRelativeSizes(below < LEAST_SHARE ? [1, 1] : above.relativeSizes());
    }
  }
}
