// SPDX-License-Identifier: Apache-2.0

/// The report's style sheet: one column, quiet colors, numbers that line up.
enum ReportStyle {
  static let css = """
    :root{color-scheme:light dark;--paper:#fdfcf9;--card:#ffffff;--ink:#1d2430;--soft:#5c6675;
    --faint:#8b94a1;--line:#e3e1da;--alarm:#c03221;--good:#00735a;--reference:#a9a596;
    --reference-ink:#77725f;--one-peer:#a8477f;--data-parallel:#8a6d00;
    --peer-0:#0072b2;--peer-1:#e08a00;--peer-2:#009e73;--peer-3:#b8569a;--peer-4:#3fa3dc;
    --peer-5:#c85200;--peer-6:#7a6ad8;--peer-7:#8c8200;
    --purpose-exchange:#0072b2;--purpose-catch-up:#e69f00;--purpose-membership:#009e73;
    --purpose-heartbeat:#cc79a7;--purpose-handshake:#7f8896}
    @media(prefers-color-scheme:dark){:root{--paper:#14181f;--card:#1b212b;--ink:#e9ecf1;
    --soft:#a7b0bd;--faint:#78828f;--line:#2d3541;--alarm:#ff7b66;--good:#43c9a4;
    --reference:#6f6c60;--reference-ink:#a9a58f;--one-peer:#e58dc2;--data-parallel:#d9b84a;
    --peer-0:#4ba3dd;--peer-1:#f0a73a;--peer-2:#2cc096;--peer-3:#de8cc3;--peer-4:#8accf2;
    --peer-5:#f0803c;--peer-6:#a99cf5;--peer-7:#c4ba3f;
    --purpose-exchange:#4ba3dd;--purpose-catch-up:#f0b33c;--purpose-membership:#2cc096;
    --purpose-heartbeat:#e39cc4;--purpose-handshake:#8f98a5}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);
    font:16px/1.55 system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif;
    -webkit-text-size-adjust:100%}
    main{max-width:1080px;margin:0 auto;padding:56px 32px 72px}
    header{margin-bottom:36px}
    .brand{font-size:13px;letter-spacing:.14em;text-transform:uppercase;color:var(--soft);margin:0}
    h1{font:600 40px/1.15 Charter,"Iowan Old Style","Palatino Linotype",Palatino,Georgia,serif;
    margin:.25em 0 .35em;letter-spacing:-.01em}
    .lead{font-size:18px;color:var(--soft);max-width:46em;margin:0}
    h2{font:600 23px/1.25 Charter,"Iowan Old Style","Palatino Linotype",Palatino,Georgia,serif;
    margin:60px 0 4px}
    .note{color:var(--soft);margin:0 0 16px;max-width:46em;font-size:15px}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;
    margin:34px 0 0}
    .card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px}
    .card b{display:block;font:600 33px/1.15 Charter,"Iowan Old Style",Palatino,Georgia,serif;
    font-variant-numeric:lining-nums;letter-spacing:-.01em}
    .card b small{font-size:17px;font-weight:400;color:var(--soft);letter-spacing:0}
    .card span{display:block;color:var(--soft);font-size:14px;line-height:1.4;margin-top:5px}
    figure{margin:0;overflow-x:auto}
    svg{display:block;width:100%;min-width:640px;height:auto;overflow:visible}
    svg text{font:13px system-ui,-apple-system,"Segoe UI",Arial,sans-serif;
    font-variant-numeric:tabular-nums}
    svg .label{fill:var(--soft);font-size:12.5px}svg .title{fill:var(--soft);font-size:13px}
    svg .name{fill:var(--ink)}svg .strong{font-weight:600}
    svg .grid{stroke:var(--line);stroke-width:1}svg .axis{stroke:var(--faint);stroke-width:1}
    .legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:6px 0 14px;padding:0;list-style:none;
    font-size:14px;color:var(--soft)}
    .legend li{display:flex;align-items:center;gap:8px}
    .legend svg{width:22px;min-width:22px;height:14px;flex:none}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:14.5px;font-variant-numeric:tabular-nums}
    th{text-align:left;font-weight:600;color:var(--soft);font-size:13px;padding:8px 18px 8px 0;
    border-bottom:1.5px solid var(--faint);vertical-align:bottom;white-space:nowrap}
    td{padding:9px 18px 9px 0;border-bottom:1px solid var(--line);vertical-align:top}
    th.n,td.n{text-align:right;white-space:nowrap}th:last-child,td:last-child{padding-right:0}
    code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
    .dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}
    .good{color:var(--good)}.bad{color:var(--alarm)}.dim{color:var(--soft)}
    blockquote{margin:14px 0 0;padding:24px 30px;background:var(--card);
    border:1px solid var(--line);border-radius:10px;white-space:pre-wrap;overflow-wrap:anywhere;
    font:17px/1.65 Charter,"Iowan Old Style","Palatino Linotype",Palatino,Georgia,serif}
    blockquote em{font-style:normal;font-weight:600}
    details{margin-top:14px}summary{cursor:pointer;color:var(--soft)}
    .settings{columns:2;column-gap:48px;margin:14px 0 0}
    .settings div{display:flex;justify-content:space-between;gap:20px;break-inside:avoid;
    border-bottom:1px solid var(--line);padding:5px 0}
    footer{margin-top:64px;color:var(--faint);font-size:13.5px}
    @media(max-width:640px){main{padding:32px 18px 48px}h1{font-size:31px}.settings{columns:1}}
    @media print{main{padding:0}h2{break-after:avoid}figure,table{break-inside:avoid}}
    """
}
