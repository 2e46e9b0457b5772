#!/usr/bin/env bash
# Opens the issue of the weekly run, or renews the one that is open. What the runs left is read as data, never run.
set -euo pipefail
repository="repos/$GITHUB_REPOSITORY"
label=newest-versions
work=$(mktemp -d)

for versions in pinned newest; do
  NAME="weekly-$versions"
  export NAME
  artifact=$(gh api "$repository/actions/runs/$GITHUB_RUN_ID/artifacts" \
    --jq '[.artifacts[] | select(.name == env.NAME and .size_in_bytes < 10000000) | .id][0] // empty')
  [ -n "$artifact" ] && gh api "$repository/actions/artifacts/$artifact/zip" > "$work/$versions.zip"
done

changed=0
python3 .github/scripts/weekly_report.py "$work/pinned.zip" "$work/newest.zip" > "$work/issue.md" || changed=$?
if [ "$changed" = 2 ]; then
  echo "A weekly run left no report that can be read; its log says why." > "$work/issue.md"
fi
printf '\n[The run](%s/%s/actions/runs/%s).\n' "$GITHUB_SERVER_URL" "$GITHUB_REPOSITORY" "$GITHUB_RUN_ID" \
  >> "$work/issue.md"
cat "$work/issue.md" >> "$GITHUB_STEP_SUMMARY"
[ "$changed" = 0 ] && exit 0

issue=$(gh api --method GET "$repository/issues" -f state=open -f "labels=$label" --jq '.[0].number // empty')
if [ -n "$issue" ]; then
  gh api --method PATCH "$repository/issues/$issue" -F "body=@$work/issue.md" --silent
else
  gh api --method POST "$repository/issues" -f 'title=The newest releases change something' \
    -f "labels[]=$label" -F "body=@$work/issue.md" --silent
fi
