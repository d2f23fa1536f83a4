// --- tables as files for a spreadsheet
/** A cell no spreadsheet computes (OWASP, CSV injection), quoted where it has to be. */
function csvCell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csvOf = (columns, rows) => [columns, ...rows].map(row => `${row.map(csvCell).join(',')}\r\n`).join('');

function save(name, content) {
  const link = make('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// With a byte order mark spreadsheets read it as UTF-8.
const download = (name, text) => save(`${name}.csv`, new Blob(['\ufeff', text], { type: 'text/csv' }));

function startDownloads() {
  for (const button of document.querySelectorAll('button.csv')) {
    button.addEventListener('click', async () => {
      const { columns, rows } = (await tables)[button.dataset.table];
      download(
        button.dataset.table,
        csvOf(
          columns.map(([name]) => name),
          rows,
        ),
      );
    });
  }
}
