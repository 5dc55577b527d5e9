/**
 * Block types, and the blocks saved of them, by type and name; secrets are asterisks here.
 */
import type { IApi } from '../tokens';
import type {
  BlockDocument,
  BlockSchema,
  BlockType,
  Event,
  Instant,
  NewBlock
} from '../wire';
import { referencesIn } from './blockreferences';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';

type Asked = Pick<
  IApi,
  | 'listBlockTypes'
  | 'listBlockSchemas'
  | 'listBlocks'
  | 'readBlock'
  | 'saveBlock'
  | 'changeBlock'
  | 'deleteBlock'
>;

/** Which blocks a field takes: of these types, else those that can do all of this. */
export interface ITaken {
  readonly types: readonly string[];
  readonly capabilities: readonly string[];
}

export class BlocksModel extends Looking {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super(feed);
  }

  /** The types by their names. */
  get types(): readonly BlockType[] {
    return this._types;
  }

  /** The blocks by type and name. */
  get all(): readonly BlockDocument[] {
    return (this._sorted ??= [...this._rows.values()].sort((a, b) =>
      labelOf(a) < labelOf(b) ? -1 : 1
    ));
  }

  get(id: string): BlockDocument | undefined {
    return this._rows.get(id);
  }

  typeOf(slug: string): BlockType | undefined {
    return this._types.find(type => type.slug === slug);
  }

  /** The blocks that refer to one, as far as they have names. */
  referring(id: string): readonly BlockDocument[] {
    return this.all.filter(({ data }) => referencesIn(data).includes(id));
  }

  /** Ask for a type's schemas, newest first: a new one is no event. */
  schemasOf(slug: string): Promise<readonly BlockSchema[]> {
    return this._api.listBlockSchemas(slug);
  }

  /** Give the blocks a field may take. */
  async choices({ types, capabilities }: ITaken): Promise<readonly BlockDocument[]> {
    if (types.length) {
      return this.all.filter(({ type_slug }) => types.includes(type_slug));
    }
    const [capability = ''] = capabilities;
    return everyRow(cursor => this._api.listBlocks({ capability, cursor }));
  }

  /** Give the types of which a block may be made for a field. */
  async typesFor({ types, capabilities }: ITaken): Promise<readonly BlockType[]> {
    if (types.length) {
      return this._types.filter(({ slug }) => types.includes(slug));
    }
    const able = await Promise.all(
      this._types.map(async ({ slug }) => {
        const [newest] = await this.schemasOf(slug);
        return capabilities.every(one => newest?.capabilities.includes(one));
      })
    );
    return this._types.filter((_, i) => able[i]);
  }

  async read(id: string): Promise<BlockDocument> {
    return this.get(id) ?? this._api.readBlock(id);
  }

  save(made: NewBlock): Promise<BlockDocument> {
    return this._keep(this._api.saveBlock(made));
  }

  /** Replace all fields of a block, if it is as it was seen. */
  replace(
    { id, type_slug, name, updated_at }: BlockDocument,
    data: NewBlock['data'],
    schema_checksum: string
  ): Promise<BlockDocument> {
    const seen: Instant = updated_at;
    const said = { data, schema_checksum };
    return this._keep(
      name === null
        ? this._api.changeBlock(id, said, seen)
        : this._api.saveBlock({ type_slug, name, ...said, overwrite: true }, seen)
    );
  }

  async remove(id: string): Promise<void> {
    await this._api.deleteBlock(id);
    this._rows.delete(id);
    this._touch();
  }

  protected async ask(): Promise<void> {
    const [types, rows] = await Promise.all([
      everyRow(cursor => this._api.listBlockTypes(cursor)),
      everyRow(cursor => this._api.listBlocks({ cursor }))
    ]);
    this._types = types.sort((a, b) => a.name.localeCompare(b.name));
    this._rows = new Map(rows.map(row => [row.id, row]));
    this._sorted = null;
  }

  protected apply(events: readonly Event[]): boolean {
    for (const { noun, kind, resource_id, row } of events) {
      if (noun === 'blocks' && 'data' in row) {
        this._put(row as unknown as BlockDocument);
      } else if (noun === 'blocks' && kind === 'block.deleted') {
        this._rows.delete(resource_id);
      }
    }
    if (events.some(({ noun }) => noun === 'blocks')) {
      this._touch();
    }
    return events.some(({ noun }) => noun === 'block-types');
  }

  private async _keep(saving: Promise<BlockDocument>): Promise<BlockDocument> {
    const row = await saving;
    this._put(row);
    this._touch();
    return row;
  }

  private _put(row: BlockDocument): void {
    if (row.name !== null) {
      this._rows.set(row.id, row);
    }
  }

  private _touch(): void {
    this._sorted = null;
    this.changed();
  }

  private _types: readonly BlockType[] = [];
  private _rows = new Map<string, BlockDocument>();
  private _sorted: readonly BlockDocument[] | null = null;
}

/** How people name a block: `type/name`, or `type/id`. */
export function labelOf({ type_slug, name, id }: BlockDocument): string {
  return `${type_slug}/${name ?? id}`;
}

/** Give the rows in whose type or name a text is. */
export function found(
  rows: readonly BlockDocument[],
  text: string
): readonly BlockDocument[] {
  const asked = text.trim().toLowerCase();
  return asked ? rows.filter(row => labelOf(row).toLowerCase().includes(asked)) : rows;
}

let offered: BlocksModel | null = null;

/** Say whose blocks the fields of all forms may take: a page has one server. */
export function offerBlocks(blocks: BlocksModel | null): void {
  offered = blocks;
}

/** Give the blocks that fields may take. */
export function offeredBlocks(): BlocksModel | null {
  return offered;
}
