import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { SchemaForm } from '../components/schemaform';
import { open, read, type ISchemaForm, type Problems } from '../models/schemaform';
import type { JsonSchema, Parameters } from '../wire';
import { trans } from './fakes';

const SCHEMA: JsonSchema = {
  $defs: {
    Server: {
      type: 'object',
      title: 'Server',
      description: 'Where to.',
      properties: {
        host: { type: 'string' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 443 },
        token: { type: 'string', writeOnly: true }
      },
      required: ['host']
    }
  },
  properties: {
    rows: { type: 'integer', default: 5, description: 'How many.' },
    when: { type: 'string', format: 'date', default: '2026-01-01' },
    limit: { type: ['number', 'null'], default: 2 },
    server: { $ref: '#/$defs/Server' },
    columns: { type: 'array', items: { type: 'string' }, default: ['a', 'b'] },
    labels: { type: 'object', additionalProperties: { type: 'string' }, default: {} },
    level: { anyOf: [{ type: 'integer' }, { enum: ['low', 'high'] }], default: 'low' },
    note: { type: 'string', contentMediaType: 'text/markdown' }
  },
  additionalProperties: false
};

let form: ISchemaForm;

function Form({
  values,
  problems
}: {
  values: Parameters;
  problems: Problems;
}): JSX.Element {
  const [now, setNow] = React.useState(() => open(SCHEMA, values));
  React.useEffect(() => void (form = now), [now]);
  return (
    <SchemaForm
      form={now}
      title="Parameters"
      problems={problems}
      onChange={setNow}
      trans={trans}
    />
  );
}

function draw(values: Parameters = {}, problems: [string, string][] = []): HTMLElement {
  const said = problems.map(([at, message]) => [at, { code: 'x', message }] as const);
  return render(<Form values={values} problems={new Map(said)} />).container;
}

function values(): Parameters {
  return read(form, trans).values;
}

function named<Found extends HTMLElement = HTMLInputElement>(name: string): Found {
  const found = document.querySelector<Found>(`[name="${name}"]`);
  if (!found) {
    throw new Error(`Nothing is called ${name}.`);
  }
  return found;
}

function type(name: string, value: string): void {
  fireEvent.change(named(name), { target: { value } });
}

/** Press a button as the keyboard does: it has the focus, then it is clicked. */
function press(button: HTMLElement): void {
  button.focus();
  fireEvent.click(button);
}

test('every control has a name of its own, its help, and what is wrong beside it', () => {
  const container = draw({}, [['parameters.rows', 'Too many.']]);
  const rows = named('parameters.rows');
  expect(rows).toBe(screen.getByLabelText(/^rows/));
  expect(rows.getAttribute('aria-invalid')).toBe('true');
  const said = (rows.getAttribute('aria-describedby') ?? '')
    .split(' ')
    .map(id => document.getElementById(id)?.textContent);
  expect(said).toEqual([expect.stringContaining('Too many.'), 'How many.']);
  expect(named('parameters.when').type).toBe('date');
  expect(named('parameters.note').tagName).toBe('TEXTAREA');
  for (const control of container.querySelectorAll('input, select, textarea')) {
    const { labels } = control as HTMLInputElement;
    const label = control.getAttribute('aria-label') ?? labels?.[0]?.textContent;
    expect(label).toBeTruthy();
  }
});

test('None is chosen beside the control, and what was typed is there again without it', () => {
  draw();
  type('parameters.limit', '7.5');
  fireEvent.click(named('parameters.limit.none'));
  expect(values()).toEqual({ limit: null });
  expect(named('parameters.limit').disabled).toBe(true);
  expect(named('parameters.limit').value).toBe('7.5');
  fireEvent.click(named('parameters.limit.none'));
  expect(values()).toEqual({ limit: 7.5 });
});

test('an object that is left out is given by a button, which puts the focus in it', () => {
  draw();
  expect(values()).toEqual({});
  press(named('parameters.server.give'));
  expect(document.activeElement).toBe(named('parameters.server.host'));
  type('parameters.server.host', 'here');
  expect(values()).toEqual({ server: { host: 'here', port: 443 } });
  expect(screen.getByRole('group', { name: /Server server/ })).toBeTruthy();
  press(named('parameters.server.leave'));
  expect(values()).toEqual({});
  expect(document.activeElement).toBe(named('parameters.server.give'));
  press(named('parameters.server.give'));
  expect(named('parameters.server.host').value).toBe('here');
});

test('items are added, moved and removed by keyboard alone, and the focus goes along', () => {
  draw();
  const shown = (): unknown => values().columns;
  press(named('parameters.columns.add'));
  expect(document.activeElement).toBe(named('parameters.columns[2]'));
  type('parameters.columns[2]', 'c');
  fireEvent.keyDown(named('parameters.columns[2]'), { key: 'ArrowUp', altKey: true });
  expect(shown()).toEqual(['a', 'c', 'b']);
  expect(document.activeElement).toBe(named('parameters.columns[1]'));
  press(screen.getByLabelText('Move columns, item 2 up'));
  expect(shown()).toEqual(['c', 'a', 'b']);
  press(screen.getByLabelText('Remove columns, item 1'));
  expect(values()).toEqual({});
  expect(document.activeElement).toBe(screen.getByLabelText('Remove columns, item 1'));
  press(screen.getByLabelText('Remove columns, item 1'));
  press(screen.getByLabelText('Remove columns, item 1'));
  expect(shown()).toEqual([]);
  expect(document.activeElement).toBe(named('parameters.columns.add'));
});

test('members of a map are named by hand; a name that is missing or there twice is said', () => {
  draw();
  press(named('parameters.labels.add'));
  expect(document.activeElement).toBe(named('parameters.labels:0'));
  type('parameters.labels.', 'x');
  expect([...read(form, trans).errors]).toEqual([
    ['parameters.labels.', 'Give it a name.']
  ]);
  type('parameters.labels:0', 'team');
  expect(values()).toEqual({ labels: { team: 'x' } });
  press(named('parameters.labels.add'));
  type('parameters.labels:1', 'team');
  expect(read(form, trans).errors.get('parameters.labels.team')).toMatch('twice');
});

test('one of several kinds is chosen; what was typed for another stays with it', () => {
  draw();
  const kind = named<HTMLSelectElement>('parameters.level.kind');
  expect([...kind.options].map(option => option.text)).toEqual([
    'whole number',
    'one of'
  ]);
  type('parameters.level', '"high"');
  type('parameters.level.kind', '0');
  type('parameters.level', '3');
  expect(values()).toEqual({ level: 3 });
  type('parameters.level.kind', '1');
  expect(values()).toEqual({ level: 'high' });
});

test('a secret that is there is neither shown nor lost', () => {
  const container = draw({ server: { host: 'h', port: 1, token: 'hunter2' } });
  const token = named('parameters.server.token');
  expect([token.type, token.value, token.placeholder]).toEqual([
    'password',
    '',
    '******** (unchanged)'
  ]);
  press(named('parameters.server.toggle'));
  press(named('parameters.toggle'));
  const shown = [...container.querySelectorAll<HTMLInputElement>('[value], textarea')];
  const all = [container.textContent, ...shown.map(({ value }) => value)].join();
  expect(all).toContain('******** (parameters.server.token)');
  expect(all).not.toContain('hunter2');
  expect(values()).toEqual({ server: { host: 'h', port: 1, token: 'hunter2' } });
});

test('a part turns into JSON and back with the focus on what turned it', () => {
  draw();
  press(named('parameters.columns.toggle'));
  expect(document.activeElement).toBe(named('parameters.columns.toggle'));
  expect(named('parameters.columns').value).toBe('["a","b"]');
  type('parameters.columns', '["a", ');
  press(named('parameters.columns.toggle'));
  expect(screen.getByRole('alert').textContent).toMatch('Fields cannot show');
  expect(named('parameters.columns').value).toBe('["a", ');
  type('parameters.columns', '["z"]');
  press(named('parameters.columns.toggle'));
  expect(named('parameters.columns[0]').value).toBe('z');
});

test('a value that no field can show is edited as JSON', () => {
  draw({ rows: 'many' });
  expect(named('parameters.rows').value).toBe('"many"');
  expect(values()).toEqual({ rows: 'many' });
});

test('a problem deep in a part is said at the deepest control there is', () => {
  const problems: [string, string][] = [
    ['parameters.server.port', 'No port.'],
    ['parameters.columns[1].x', 'Odd.'],
    ['parameters.gone', 'Unknown.']
  ];
  draw({ server: { host: 'h', port: 0 } }, problems);
  const invalid = [...document.querySelectorAll('[aria-invalid]')];
  expect(invalid.map(one => one.getAttribute('name'))).toEqual([
    'parameters.server.port',
    'parameters.columns[1]'
  ]);
  expect(screen.getAllByRole('alert')).toHaveLength(3);
});
