/** Addresses of what the shell refers to. */
export interface ShellParts {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

/** The HTML of every page: everything else is drawn by the script. */
export function renderShell({ script, style, icon }: ShellParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f6efe2" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#1d1711" media="(prefers-color-scheme: dark)">
<meta name="description" content="Maru: rooms to talk in">
<title>Maru</title>
<link rel="icon" href="${icon}" type="image/svg+xml">
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<div id="page">
<noscript>
<p class="noscript">Maru needs JavaScript. Please turn it on and load this page again.</p>
<p class="noscript" lang="ko">마루를 쓰려면 자바스크립트가 필요해요. 자바스크립트를 켜고 다시 불러와 주세요.</p>
</noscript>
</div>
</body>
</html>
`;
}
