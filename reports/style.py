"""How every page looks: light and dark, on a screen, a phone and paper. No file and no font is fetched."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2230;--soft:#5c6675;--line:#dfe3e9;
--grid:#e9ecf1;--pass:#1a7f4e;--pass-bg:#e2f4ea;--fail:#b42318;--fail-bg:#fde8e6;--unsure:#8a5a00;
--unsure-bg:#fdf1d8;--accent:#2459c4;--c0:#2459c4;--c1:#d1660a;--c2:#1a8a78;--c3:#8e44ad;--c4:#a3760b;
--c5:#6b7686;--c6:#c2387a;--c7:#4b8b1f}
@media (prefers-color-scheme:dark){:root{--page:#12161d;--card:#1b212b;--ink:#e7ebf1;--soft:#a2adbd;
--line:#2f3846;--grid:#29313d;--pass:#5fd39a;--pass-bg:#15382a;--fail:#ff8f84;--fail-bg:#45201d;
--unsure:#f2c063;--unsure-bg:#3d2f12;--accent:#86aeff;--c0:#86aeff;--c1:#ffa45c;--c2:#5fd0bd;--c3:#cf9be6;
--c4:#e3bd5a;--c5:#a2adbd;--c6:#f48cbd;--c7:#a0d873}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
header p.eyebrow{margin:0;color:var(--soft);font-size:13px;letter-spacing:.04em}
h1{font-size:28px;line-height:1.2;margin:2px 0 14px;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 4px}
p.lead{font-size:17px;max-width:76ch;margin:0 0 20px;overflow-wrap:anywhere}
p.note{color:var(--soft);margin:0 0 12px;font-size:14px;max-width:80ch}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;
margin:16px 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 8px}
.figure{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.figure b{display:block;font-size:25px;line-height:1.2;font-variant-numeric:tabular-nums}
.figure span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;color:var(--soft);font-weight:600;font-size:13px}
th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--grid);vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.reason{overflow-wrap:anywhere;min-width:220px}
tr:last-child td{border-bottom:0}
.badge{display:inline-block;border-radius:99px;padding:1px 10px;font-size:13px;font-weight:600;
white-space:nowrap}
.pass{color:var(--pass);background:var(--pass-bg)}.fail{color:var(--fail);background:var(--fail-bg)}
.inconclusive,.none{color:var(--unsure);background:var(--unsure-bg)}
.none{color:var(--soft);background:var(--grid)}
svg{display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
svg text{fill:var(--ink)}svg .soft{fill:var(--soft)}svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--soft)}
svg .mark-pass{fill:var(--pass)}svg .mark-fail{fill:var(--fail)}svg .mark-inconclusive{fill:var(--unsure)}
svg .line-pass{stroke:var(--pass)}svg .line-fail{stroke:var(--fail)}
svg .line-inconclusive{stroke:var(--unsure)}
ol.timeline{list-style:none;margin:14px 0 0;padding:0;border-left:2px solid var(--line)}
ol.timeline>li{position:relative;padding:0 0 10px 18px;overflow-wrap:anywhere}
ol.timeline>li::before{content:"";position:absolute;left:-6px;top:7px;width:10px;height:10px;
border-radius:50%;background:var(--card);border:2px solid var(--dot,var(--soft))}
li.k-event{--dot:var(--c4)}li.k-evidence{--dot:var(--c1)}li.k-decision{--dot:var(--c3)}
li.k-effect{--dot:var(--c0)}li.k-serving{--dot:var(--c2)}
time{color:var(--soft);font-variant-numeric:tabular-nums;margin-right:8px;font-size:13px}
.kind{color:var(--dot,var(--soft));font-size:13px;font-weight:600;margin-right:6px}
.said{color:var(--soft)}
.filters{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center}
.filters label{display:inline-flex;gap:6px;align-items:center;font-size:14px}
.filters input[type=search]{font:inherit;padding:4px 10px;border:1px solid var(--line);border-radius:8px;
background:var(--page);color:var(--ink);min-width:200px}
.story:has(#show-event:not(:checked)) .k-event,.story:has(#show-evidence:not(:checked)) .k-evidence,
.story:has(#show-decision:not(:checked)) .k-decision,.story:has(#show-effect:not(:checked)) .k-effect,
.story:has(#show-serving:not(:checked)) .k-serving,li[hidden]{display:none}
details summary{cursor:pointer;color:var(--accent);font-size:13px}
details>summary:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:6px 0;font-size:13px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
form.answer{display:grid;gap:8px;max-width:76ch}
form.answer textarea{font:inherit;padding:8px 10px;border:1px solid var(--line);border-radius:8px;
background:var(--page);color:var(--ink);width:100%}
p.answers{display:flex;flex-wrap:wrap;gap:10px;margin:4px 0 0}
button{font:inherit;font-weight:600;padding:7px 18px;border-radius:8px;border:1px solid var(--line);
background:var(--card);color:var(--ink);cursor:pointer}
button.approve{background:var(--pass-bg);color:var(--pass);border-color:var(--pass)}
button.reject{background:var(--fail-bg);color:var(--fail);border-color:var(--fail)}
button:focus-visible,textarea:focus-visible,a:focus-visible{outline:2px solid var(--accent);
outline-offset:2px}
a{color:var(--accent);overflow-wrap:anywhere}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--soft);margin:6px 0 0}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
footer{color:var(--soft);font-size:13px;margin-top:24px}
@media print{:root{color-scheme:light}body{background:#fff;font-size:12px}main{max-width:none;padding:0}
section,.figure{break-inside:avoid;border-color:#ccc}section.story{break-inside:auto}.filters{display:none}
svg,.badge,.legend i{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
COLOURS = 8
