// Samples → the tables of docs/performance.md.
import type { Sample } from './meter.ts';

/** Samples of one runtime doing one verb on one bundle. */
export interface Series {
  readonly runtime: string;
  readonly bundle: string;
  readonly verb: string;
  readonly samples: Sample[];
}

type Measure = 'cpu' | 'wall' | 'rss';
type Row = { readonly bundle: string; readonly verb: string };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const values = (series: Series, measure: Measure) => series.samples.map((sample) => sample[measure]);
const milliseconds = (ns: number) => (ns / 1e6).toFixed(2);
const megabytes = (kib: number) => (kib / 1024).toFixed(1);

/** `median (minimum)` of one series, in ms or MB. */
function cell(series: Series | undefined, measure: Measure): string {
  if (series === undefined || series.samples.length === 0) return '';
  const all = values(series, measure);
  if (measure === 'rss') return megabytes(Math.max(...all));
  return `${milliseconds(median(all))} (${milliseconds(Math.min(...all))})`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const align = header.map((_, i) => (i < 2 ? '---' : '--:'));
  return [line(header), `|${align.join('|')}|`, ...rows.map(line)].join('\n');
}

function rowsOf(all: readonly Series[]): Row[] {
  const rows: Row[] = [];
  for (const { bundle, verb } of all) {
    if (!rows.some((row) => row.bundle === bundle && row.verb === verb)) rows.push({ bundle, verb });
  }
  return rows;
}

const find = (all: readonly Series[], { bundle, verb }: Row, runtime: string) =>
  all.find((series) => series.bundle === bundle && series.verb === verb && series.runtime === runtime);

/** One table a measure: a row a verb, a column a runtime. */
export function measureTable(all: readonly Series[], runtimes: readonly string[], measure: Measure): string {
  const rows = rowsOf(all).map((row) => [
    row.bundle,
    row.verb,
    ...runtimes.map((name) => cell(find(all, row, name), measure)),
  ]);
  return table(['bundle', 'verb', ...runtimes], rows);
}

/** How many times the CPU time (medians) of `base` the others take. */
export function ratioTable(all: readonly Series[], base: string, others: readonly string[]): string {
  const rows = rowsOf(all).map((row) => {
    const own = find(all, row, base);
    const ratio = (name: string) => {
      const other = find(all, row, name);
      if (own === undefined || other === undefined) return '';
      return (median(values(other, 'cpu')) / median(values(own, 'cpu'))).toFixed(2);
    };
    return [row.bundle, row.verb, ...others.map(ratio)];
  });
  return table(['bundle', 'verb', ...others.map((name) => `${name} : ${base}`)], rows);
}
