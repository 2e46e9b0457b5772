#!/usr/bin/env bash
# Posts or renews the comment of `verdict-comment`. RUN, SHA, OWNER and BRANCH are of the run that left the artifact;
# OWNER and BRANCH are a stranger's words: they go to the API as parameters and nowhere else.
set -euo pipefail
repository="repos/$GITHUB_REPOSITORY"
work=$(mktemp -d)

number=$(gh api --method GET "$repository/pulls" -f state=open -f "head=$OWNER:$BRANCH" \
  --jq '[.[] | select(.head.sha == env.SHA) | .number][0] // empty')
if [ -z "$number" ]; then
  echo "no open pull request has this commit at its head any more"
  exit 0
fi
artifact=$(gh api "$repository/actions/runs/$RUN/artifacts" \
  --jq '[.artifacts[] | select(.name == "verdicts" and .size_in_bytes < 2000000) | .id][0] // empty')
if [ -z "$artifact" ]; then
  echo "the run left no table, or one that is too large"
  exit 0
fi
gh api "$repository/actions/artifacts/$artifact/zip" > "$work/verdicts.zip"
gh api --paginate "$repository/pulls/$number/files" --jq '.[].filename' > "$work/files.txt"
python3 .github/scripts/verdict_comment.py "$work/verdicts.zip" "$work/files.txt" > "$work/comment.md"

comments=$(gh api --paginate "$repository/issues/$number/comments" --jq \
  '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith("<!-- verdicts -->"))) | .id')
comment=${comments%%$'\n'*}
if [ -n "$comment" ]; then
  gh api --method PATCH "$repository/issues/comments/$comment" -F "body=@$work/comment.md" --silent
else
  gh api --method POST "$repository/issues/$number/comments" -F "body=@$work/comment.md" --silent
fi
