import { CellOptionsModel, WRITE_MS, type IOptionsCell } from '../models/celloptions';
import type { Draft } from '../models/drafts';
import type { CellNode, Parameters } from '../wire';
import { trans } from './fakes';

const NODE: CellNode = {
  ...{ id: 'a', name: 'a', index: 0, kind: 'plain', tags: [], reads: [], binds: [] },
  ...{ missing: [], unknown: null, outside: [], digest: '', stale: false, options: {} },
  ...{ on_line: [], problem: null }
};

describe('the options of a cell', () => {
  let own: Parameters | null;
  let written: (Parameters | null)[];
  let model: CellOptionsModel;

  const cell = (more: Partial<IOptionsCell> = {}): IOptionsCell => ({
    id: 'a',
    kind: null,
    hasLine: false,
    readOnly: false,
    own: () => own,
    write: now => {
      own = now;
      written.push(now);
    },
    ...more
  });

  /** Type into one of the form's controls. */
  function type(name: string, text: string): void {
    const form = model.form;
    if (form?.draft.is !== 'object') {
      throw new Error('There is no form.');
    }
    const leaf: Draft = { is: 'leaf', text };
    const members = { ...form.draft.members, [name]: leaf };
    model.edit({ ...form, draft: { ...form.draft, members } }, `${form.at}.${name}`);
  }

  const fields = (): string[] => Object.keys(model.form?.schema.properties ?? {});

  beforeEach(() => {
    jest.useFakeTimers();
    own = null;
    written = [];
    model = new CellOptionsModel(trans);
    model.show(cell(), undefined);
  });

  afterEach(() => jest.useRealTimers());

  it('are written once typing pauses, in one change', () => {
    type('retries', '2');
    type('timeout', '5');
    type('timeout', '5m');
    expect(written).toEqual([]);
    jest.advanceTimersByTime(WRITE_MS);
    expect(written).toEqual([{ retries: 2, timeout: '5m' }]);
  });

  it('are written at once when another cell is chosen, into the first', () => {
    type('retries', '2');
    const other = cell({
      id: 'b',
      own: () => null,
      write: () => fail('the wrong cell')
    });
    model.show(other, undefined);
    expect(written).toEqual([{ retries: 2 }]);
    jest.advanceTimersByTime(WRITE_MS);
    expect(written).toHaveLength(1);
  });

  it('leave what was not edited as it is written, and what is not theirs', () => {
    own = { timeout: 300, tags: ['a', 'b'], state: 'COMPLETED', cache: true };
    model.show(cell(), NODE);
    type('retries', '1');
    model.flush();
    expect(own).toEqual({ ...own, timeout: 300, tags: ['a', 'b'], cache: true });
    expect(own).toMatchObject({ retries: 1, state: 'COMPLETED' });
  });

  it('go when they are emptied, and the last takes the metadata with it', () => {
    own = { retries: 2 };
    model.show(cell(), NODE);
    type('retries', '');
    model.flush();
    expect(written).toEqual([null]);
  });

  it('are not written while they cannot be read, and say so at the field', () => {
    type('retries', 'many');
    model.flush();
    expect(written).toEqual([]);
    expect([...model.problems.keys()]).toEqual(['metadata.nbflow.retries']);
  });

  it('show what the server finds wrong at the field, until it is edited', () => {
    own = { timeout: 'soon' };
    const field = 'metadata.nbflow.timeout';
    const problem = { code: 'cell.options', message: 'No length of time.', field };
    model.show(cell(), { ...NODE, problem });
    expect(model.problems.get(field)?.message).toBe('No length of time.');
    expect(model.problem).toBeNull();
    type('timeout', '5m');
    expect(model.problems.size).toBe(0);
  });

  it('show what is undone', () => {
    type('retries', '2');
    model.flush();
    own = null;
    model.show(cell(), NODE);
    expect(model.form?.draft).toMatchObject({ members: { retries: { text: '' } } });
  });

  it('that stand on the line are alone and read only', () => {
    own = { retries: 5 };
    const options = { name: 'load', timeout: 300 };
    const node = { ...NODE, options, on_line: ['name', 'timeout'] };
    model.show(cell({ kind: 'task', hasLine: true }), node);
    expect(model.lineWins).toBe(true);
    expect(model.form).toBeNull();
    expect(model.fixed.map(({ key, value }) => [key, value])).toEqual([
      ['name', 'load'],
      ['timeout', '300s']
    ]);
  });

  it('stand beside a line that only names the cell', () => {
    const node = { ...NODE, options: { name: 'load' }, on_line: ['name'] };
    model.show(cell({ kind: 'task', hasLine: true }), node);
    expect(model.lineWins).toBe(false);
    expect(fields()).toContain('retries');
    expect(fields()).not.toContain('name');
  });

  it('wait for the server where there is a line', () => {
    model.show(cell({ kind: 'task', hasLine: true }), undefined);
    expect(model.form).toBeNull();
  });

  it('of a flow are its own', () => {
    model.show(cell({ id: 'f', kind: 'flow' }), undefined);
    expect(fields()).toContain('task_runner');
    expect(fields()).not.toContain('cache');
  });
});
