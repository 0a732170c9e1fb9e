/** Numbers and times in words; pure functions. */

import { LANGUAGE, UNITS } from "./texts";

export function age(since: string | null, now: number): string {
  if (!since) return "–";
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  return Number.isNaN(seconds) ? "–" : duration(seconds);
}

/** Two units at most: `42 s`, `3 min`, `2 h 5 min`, `4 d 1 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} ${UNITS.seconds}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} ${UNITS.minutes}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(`${hours} ${UNITS.hours}`, minutes % 60, UNITS.minutes);
  return joined(`${Math.floor(hours / 24)} ${UNITS.days}`, hours % 24, UNITS.hours);
}

function joined(first: string, rest: number, unit: string): string {
  return rest ? `${first} ${rest} ${unit}` : first;
}

export function bytes(count: number | null): string {
  if (count === null) return "–";
  const units = UNITS.bytes;
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function milliseconds(value: number): string {
  if (value >= 999.5) return `${(value / 1000).toFixed(value < 9950 ? 1 : 0)} ${UNITS.seconds}`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS.milliseconds}`;
}

export function clock(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toLocaleTimeString();
}

/** Day and time, which stay true while a page stays open. */
export function moment(time: string): string {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

const ROW_LENGTH = 200;

/** JSON spread out to read, each row of a table on one line; other text as it is. */
export function pretty(text: string): string {
  try {
    const spread = JSON.stringify(JSON.parse(text), null, 2);
    const rows = spread.replace(/[[{]\n[^[\]{}]*[\]}]/g, (inner) => {
      const row = inner.replace(/\s*\n\s*/g, " ").replace(/^([[{]) | ([\]}])$/g, "$1$2");
      return row.length <= ROW_LENGTH ? row : inner;
    });
    return rows.length < 60 ? rows.replace(/\n\s*/g, "") : rows;
  } catch {
    return text;
  }
}

/** Requests a second: `0`, `0.4/s`, `12/s`, `3,400/s`. */
export function rate(value: number): string {
  if (value === 0) return `0${UNITS.perSecond}`;
  const number = value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString(LANGUAGE);
  return `${number}${UNITS.perSecond}`;
}

export function percent(share: number): string {
  if (share === 0) return "0 %";
  return share < 0.0995 ? `${(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`;
}
