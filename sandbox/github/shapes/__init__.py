"""How rows are written as GitHub's JSON objects: the same names and kinds as in GitHub's published description."""
