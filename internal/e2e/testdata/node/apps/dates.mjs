// Writes testdata/dates/formats.json: what the libraries that PM2 has used for
// `log_date_format` make of the formats that people set, at three moments:
// `TZ=Europe/Berlin node apps/dates.mjs OUT`.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const moments = [1795266516735, 1795266517001, 1795300029118] // 2026-11-21 14:08:36 to 23:27:09

// A format, and how exactly the date tells the time: to the ms, s or m, or '' if it does not.
const formats = [
  // the documentation of PM2 and what it is changed to most often
  ['YYYY-MM-DD HH:mm Z', 'm'], ['YYYY-MM-DD HH:mm:ss', 's'], ['YYYY-MM-DD HH:mm:ss.SSS', 'ms'], ['YYYY-MM-DD HH:mm:ss Z', 's'], ['YYYY-MM-DD HH:mm:ss.SSS Z', 'ms'], ['YYYY-MM-DD HH:mm:ss:SSS', 'ms'],
  ['YYYY-MM-DD HH:mm:ss,SSS', 'ms'], ['YYYY-MM-DD HH:mm:ss SSS', 'ms'], ['YYYY-MM-DD HH:mm:ss .SSS', 'ms'], ['YYYY-MM-DD HH:mm:ss-SSS', 'ms'], ['YYYY-MM-DDTHH:mm:ss', 's'], ['YYYY-MM-DDTHH:mm:ss.SSSZ', 'ms'], ['YYYY-MM-DDTHH:mm:ssZZ', 's'],
  ['YYYY-MM-DD_HH-mm-ss', 's'], ['YYYY-MM-DD_HH:mm:ss', 's'], ['YYYY-MM-DD-HH:mm:ss', 's'], ['YYYY-MM-DD HH.mm.ss', 's'], ['YYYY-MM-DD HH-mm-ss', 's'], ['YYYY-MM-DD@HH:mm:ss', 's'], ['YYYY-MM-DD, HH:mm:ss', 's'], ['YYYY-MM-DD | HH:mm:ss', 's'],
  ['YYYY/MM/DD HH:mm:ss', 's'], ['YYYY/MM/DD-HH:mm:ss.SSS', 'ms'], ['YYYY.MM.DD HH:mm:ss', 's'], ['YYYY.MM.DD HH:mm:ss.SSS', 'ms'], ['YYYY_MM_DD HH:mm:ss', 's'],
  ['YYYY-MM-DD HH:mm', 'm'], ['YYYY-MM-DD HH[h]mm', 'm'], ['YYYY-MM-DD HH[h]mm[m]ss[s]', 's'], ['YYYY-MM-DD hh:mm:ss A', 's'], ['YYYY-MM-DD hh:mm:ss a', 's'], ['YYYY-MM-DD HH:mm:ss A', 's'], ['YYYY-MM-DD h:mm:ss.SSS A', 'ms'], ['YYYY-MM-DD hh:mmA', 'm'],
  // compact
  ['YYYYMMDDHHmmss', 's'], ['YYYYMMDDHHmmssSSS', 'ms'], ['YYYYMMDD HH:mm:ss', 's'], ['YYYYMMDD-HHmmss', 's'], ['YYYYMMDD_HHmmss', 's'], ['YYYYMMDDTHHmmss', 's'], ['YYYYMMDD HH:mm:ss.SSS', 'ms'], ['YYYYMMDDHHmm', 'm'], ['YYYYMMDDHHmmss.SSS', 'ms'], ['YYYYMMDDTHHmmssZZ', 's'],
  // the day first or last
  ['DD/MM/YYYY HH:mm:ss', 's'], ['DD-MM-YYYY HH:mm:ss', 's'], ['DD.MM.YYYY HH:mm:ss', 's'], ['DD.MM.YYYY, HH:mm:ss', 's'], ['DD.MM.YYYY HH.mm.ss', 's'], ['DD/MM/YYYY, HH:mm:ss.SSS', 'ms'], ['D/M/YYYY H:mm:ss', 's'], ['MM/DD/YYYY HH:mm:ss', 's'], ['MM/DD/YYYY hh:mm:ss A', 's'],
  ['M/D/YYYY, h:mm:ss A', 's'], ['MM-DD-YYYY HH:mm:ss', 's'], ['HH:mm:ss DD.MM.YYYY', 's'], ['HH:mm:ss DD/MM/YYYY', 's'], ['HH:mm:ss.SSS YYYY-MM-DD', 'ms'], ['HH:mm:ss, YYYY-MM-DD', 's'], ['HH:mm DD-MM-YYYY', 'm'],
  // words
  ['dddd, MMMM D YYYY, h:mm:ss a', 's'], ['dddd, MMMM Do YYYY, h:mm:ss a', 's'], ['ddd, DD MMM YYYY HH:mm:ss', 's'], ['ddd MMM DD YYYY HH:mm:ss', 's'], ['ddd MMM DD HH:mm:ss YYYY', 's'], ['DD MMM YYYY HH:mm:ss', 's'], ['DD-MMM-YYYY HH:mm:ss', 's'], ['DD/MMM/YYYY HH:mm:ss', 's'], ['DD/MMM/YYYY:HH:mm:ss ZZ', 's'],
  ['MMM D, YYYY h:mm:ss A', 's'], ['MMM DD YYYY HH:mm:ss', 's'], ['MMMM DD, YYYY HH:mm:ss', 's'], ['MMMM Do YYYY, h:mm:ss a', 's'], ['D MMMM YYYY [at] HH:mm:ss', 's'], ['YYYY-MMM-DD HH:mm:ss', 's'], ['YYYY MMM DD HH:mm:ss', 's'], ['ddd DD.MM.YYYY HH:mm:ss', 's'], ['DDMMMYYYY HH:mm:ss', 's'], ['MMM-DD-YYYY HH:mm:ss', 's'],
  ['dd, DD.MM.YYYY HH:mm:ss', 's'], ['D. MMMM YYYY HH:mm:ss', 's'], ['HH:mm:ss, D MMM YYYY', 's'], ['HH:mm:ss ddd DD MMM YYYY', 's'],
  // brackets
  ['[[]YYYY-MM-DD HH:mm:ss[]]', 's'], ['[[]YYYY-MM-DD HH:mm:ss.SSS[]]', 'ms'], ['(YYYY-MM-DD HH:mm:ss)', 's'], ['<YYYY-MM-DD HH:mm:ss>', 's'], ['[[]DD/MM/YYYY HH:mm:ss[]]', 's'], ['[[]YYYY-MM-DD[]] [[]HH:mm:ss[]]', 's'], ['[[]HH:mm:ss[]]', ''], ['[[]HH:mm:ss.SSS[]]', ''],
  // zones
  ['YYYY-MM-DD HH:mm:ss.SSSZ', 'ms'], ['YYYY-MM-DD HH:mm:ss ZZ', 's'], ['YYYY-MM-DD HH:mm:ss [GMT]ZZ', 's'], ['YYYY-MM-DD HH:mm:ss [CET]', 's'], ['YYYY-MM-DD HH-mm-ss Z', 's'], ['HH:mm:ss Z', ''], ['YYYY-MM-DD HH:mm:ss SSS Z', 'ms'], ['YYYY-MM-DD HH:mm:ss z', 's'], ['YYYY/MM/DD-HH:mm:ss [Europe/Berlin]', 's'],
  // no complete date
  ['HH:mm:ss', ''], ['HH:mm:ss.SSS', ''], ['HH:mm:ss,SSS', ''], ['HH:mm:ss:SSS', ''], ['HH:mm', ''], ['hh:mm:ss A', ''], ['h:mm a', ''], ['h:mm:ssA', ''], ['HH[h]mm', ''], ['mm:ss.SSS', ''], ['MM-DD HH:mm:ss', ''], ['MM-DD HH:mm:ss.SSS', ''], ['MM/DD HH:mm:ss', ''], ['DD/MM HH:mm', ''],
  ['DD.MM. HH:mm:ss', ''], ['MMM DD HH:mm:ss', ''], ['MMM D, HH:mm:ss', ''], ['MMM Do, HH:mm:ss', ''], ['DD MMM HH:mm:ss', ''], ['ddd HH:mm:ss', ''], ['D/M HH:mm:ss.SSS', ''], ['YY-MM-DD HH:mm:ss', ''], ['YY/MM/DD HH:mm:ss', ''], ['DD/MM/YY HH:mm:ss', ''], ['DD.MM.YY HH:mm', ''], ['YYMMDD HH:mm:ss', ''], ['YYMMDD-HHmmss', ''],
  ['YYYY-MM-DD', ''], ['DD/MM/YYYY', ''], ['DD.MM.YYYY', ''], ['YYYYMMDD', ''], ['MMM DD', ''], ['MMMM D, YYYY', ''], ['DD MMM YYYY', ''],
  // the languages of East Asia
  ['YYYY年MM月DD日 HH:mm:ss', 's'], ['YYYY年M月D日 HH时mm分ss秒', 's'], ['YYYY年MM月DD日HH時mm分ss秒', 's'], ['YYYY년 MM월 DD일 HH시 mm분 ss초', 's'], ['MM月DD日 HH:mm:ss', ''],
]
// Only dayjs reads these so.
const ofDayjs = [['[[]YYYY-MM-DD HH:mm:ss]', 's'], ['[[]YYYY-MM-DD HH:mm:ss.SSS]', 'ms'], ['[[]HH:mm:ss]', '']]
// Only moment knows these.
const ofMoment = [['x', 'ms'], ['X', 's'], ['X.SSS', 'ms'], ['GGGG-[W]WW-E HH:mm:ss', ''], ['dddd, MMMM Do YYYY, h:mm:ss.SSS a', 'ms'], ['Do MMMM YYYY HH:mm:ss', 's'], ['MMM Do', ''], ['LLLL', 'm'], ['LLL', 'm'], ['LTS', ''], ['L LTS', 's'], ['ll LTS', 's'], ['lll', 'm'], ['YYYY-MM-DD HH:mm:ss.SSSSSS', 'ms']]
// Formats in the language of the machine.
const ofLocales = { de: ['LLLL', 'LL LTS', 'dddd, DD.MM.YYYY HH:mm:ss'], fr: ['LLLL', 'LL LTS'], es: ['LLLL', 'LL LTS'], it: ['LLLL', 'LL LTS'], 'pt-br': ['LLLL', 'LL LTS'], pl: ['LLLL', 'LL LTS'], tr: ['LLLL', 'LL LTS'], nl: ['LL LTS'], sv: ['LL LTS'], 'zh-cn': ['LL LTS'], ja: ['LLLL', 'LL LTS'], ko: ['LLLL', 'LL LTS'] }

const out = []
const add = (library, format, exact, make) => out.push({ library, format, exact, dates: moments.map(make) })
const dayjs = require('dayjs'), moment = require('moment')
for (const [format, exact] of formats) {
  add('dayjs', format, exact, at => dayjs(at).format(format))
  if (moment(moments[0]).format(format) !== dayjs(moments[0]).format(format)) add('moment', format, exact, at => moment(at).format(format))
}
for (const [format, exact] of ofDayjs) add('dayjs', format, exact, at => dayjs(at).format(format))
for (const [format, exact] of ofMoment) add('moment', format, exact, at => moment(at).format(format))
for (const [locale, formats] of Object.entries(ofLocales)) {
  require('moment/locale/' + locale)
  for (const format of formats) add(`moment, ${locale}`, format, '?', at => moment(at).locale(locale).format(format))
}
writeFileSync(process.argv[2], '[\n' + out.map(o => JSON.stringify(o)).join(',\n') + '\n]\n')
