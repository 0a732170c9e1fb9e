"""Colours of HTML without style sheets: the front end's, or what reads well on white.

VS Code is asked first, as ipywidgets brings JupyterLab's light colours there.
"""

MUTED = "var(--vscode-descriptionForeground, var(--jp-ui-font-color2, #616161))"
LINE = "var(--vscode-panel-border, var(--jp-border-color2, #e0e0e0))"
GOOD = "var(--vscode-charts-green, var(--jp-success-color1, #388e3c))"
BUSY = "var(--vscode-textLink-foreground, var(--jp-brand-color1, #1976d2))"
WARN = "var(--vscode-editorWarning-foreground, var(--jp-warn-color1, #e65100))"
BAD = "var(--vscode-charts-red, var(--jp-error-color1, #d32f2f))"
CODE = "var(--vscode-editor-font-family, var(--jp-code-font-family, monospace))"
