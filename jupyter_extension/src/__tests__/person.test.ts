import { personText } from '../components/person';
import { trans } from './fakes';

test('somebody without a name is not spoken of by a random id', () => {
  expect(personText('0123456789abcdef0123456789abcdef', trans)).toBe('Anonymous');
});

test.each(['ada', 'schedule', 'cli', 'ada.lovelace@analytical-engine.example'])(
  '%s is spoken of by name',
  name => {
    expect(personText(name, trans)).toBe(name);
  }
);
