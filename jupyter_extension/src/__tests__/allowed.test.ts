import { CommandRegistry } from '@lumino/commands';
import { guarded } from '../commands/guarded';
import { allowing } from './fakes';

test('what is not known to be refused is allowed; the server has the last word', () => {
  const allowed = allowing({ 'nbflow:runs': [] });
  expect(allowed.may('runs')).toBe(true);
});

test('a command that is not allowed is disabled, says why, and does nothing', async () => {
  const allowed = allowing({ 'nbflow:runs': ['execute'] });
  await allowed.ask();
  const commands = new CommandRegistry();
  const done = jest.fn();
  const options = { label: 'x', caption: 'Do it', execute: done };
  guarded({ commands }, { allowed }, 'runs')('start', options);
  guarded({ commands }, { allowed }, 'runs', 'write')('delete', options);

  expect(commands.isEnabled('start')).toBe(true);
  expect(commands.caption('start')).toBe('Do it');
  await commands.execute('start');
  expect(done).toHaveBeenCalledTimes(1);

  expect(commands.isEnabled('delete')).toBe(false);
  expect(commands.caption('delete')).toBe(allowed.whyNot('delete'));
  expect(allowed.whyNot('delete')).toContain('You may look at runs');
  const told = jest.fn();
  allowed.refused.connect((_, why) => told(why));
  await commands.execute('delete');
  expect(told).toHaveBeenCalledWith(allowed.whyNot('delete'));
  expect(done).toHaveBeenCalledTimes(1);
});

test('a command that needs nothing is anybody’s', async () => {
  const allowed = allowing({ 'nbflow:runs': [] });
  await allowed.ask();
  expect(allowed.whyNot('look')).toBe('');
  expect(allowed.reason('variables', 'write')).toBe('');
});
