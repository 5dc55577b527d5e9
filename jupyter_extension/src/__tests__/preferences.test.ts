import { Preferences } from '../models/preferences';

const SCHEMA = jest.requireActual<{
  properties: { [key: string]: { default: unknown; oneOf?: { const: string }[] } };
}>('../../schema/settings.json');

test('what the schema says by default is what holds without settings', () => {
  const defaults = Object.entries(SCHEMA.properties).map(
    ([key, { default: value }]) => [key, value]
  );
  const bare = new Preferences();
  const set = new Preferences();
  set.take(Object.fromEntries(defaults) as never);
  expect(set.notifyFailures).toBe(bare.notifyFailures);
  expect(set.runPart).toBe(bare.runPart);
  expect(set.isSilent('etl')).toBe(bare.isSilent('etl'));
});

test('every choice the schema offers is understood', () => {
  const preferences = new Preferences();
  for (const { const: notifyFailures } of SCHEMA.properties.notifyFailures?.oneOf ??
    []) {
    preferences.take({ notifyFailures });
    expect(preferences.notifyFailures).toBe(notifyFailures);
  }
  for (const { const: runPart } of SCHEMA.properties.runPart?.oneOf ?? []) {
    preferences.take({ runPart });
    expect(preferences.runPart).toBe(runPart || null);
  }
});

test('a deployment is silent until it is not, and that is kept', async () => {
  const kept: unknown[] = [];
  const preferences = new Preferences();
  preferences.take({ silentDeployments: ['old'] }, (key, value) => {
    kept.push([key, value]);
    return Promise.resolve();
  });
  await preferences.setSilent('etl', true);
  expect(preferences.isSilent('etl')).toBe(true);
  await preferences.setSilent('etl', true);
  await preferences.setSilent('old', false);
  expect(kept).toEqual([
    ['silentDeployments', ['old', 'etl']],
    ['silentDeployments', ['etl']]
  ]);
});

test('settings that make no sense are the defaults', () => {
  const preferences = new Preferences();
  preferences.take({ notifyFailures: 'loud', runPart: 3, silentDeployments: 'x' });
  expect(preferences.notifyFailures).toBe('deployments');
  expect(preferences.runPart).toBeNull();
  expect(preferences.isSilent('x')).toBe(false);
});
