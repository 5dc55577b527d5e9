/**
 * Where in a form a problem is shown: the server names inputs as REST writes them.
 */
import type { Problem } from '../wire';
import type { IScheduleChoice } from './schedulechoice';
import { memberNames, type ISchemaForm } from './schemaform';

const PLAIN = [
  'name',
  'kernel_name',
  'source',
  'tags',
  'description',
  'catchup',
  'overlap',
  'work_pool'
];

/** Say which field a problem belongs to; within `parameters` and `job_variables`, its path. */
export function fieldFor(
  problem: Problem,
  form: ISchemaForm,
  { kind }: IScheduleChoice
): string | null {
  const parts = (problem.field ?? '').split(/[.[\]]+/).filter(Boolean);
  const [first, last] = [parts[0] ?? '', parts.at(-1) ?? ''];
  if (parts.some(part => ['schedule', 'schedules', 'timing'].includes(part))) {
    return scheduleField(last, kind);
  }
  if (first === 'parameters' || first === 'job_variables') {
    return problem.field ?? first;
  }
  const ofParameter = problem.code.startsWith('parameter') || !PLAIN.includes(first);
  if (ofParameter && memberNames(form).includes(first)) {
    return `parameters.${problem.field}`;
  }
  if (['cron', 'timezone', 'interval', 'rrule'].includes(last)) {
    return scheduleField(last, kind);
  }
  return PLAIN.includes(last) ? last : null;
}

/** Say which of a schedule's inputs a problem of its timing belongs to; null: none is shown. */
export function scheduleField(
  last: string,
  kind: IScheduleChoice['kind']
): string | null {
  if (kind === 'none' || kind === 'keep') {
    return null;
  }
  if (last === 'timezone' || last === 'catchup' || last === 'overlap') {
    return last === 'timezone' ? 'schedule.timezone' : last;
  }
  return kind === 'cron' || kind === 'rrule'
    ? `schedule.${kind}`
    : kind === 'every'
      ? 'schedule.count'
      : 'schedule.time';
}
