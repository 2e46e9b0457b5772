#!/usr/bin/env bash
# Opens the pull request of `question`: one commit with the page and its id. The title and the texts are ours; of the
# stranger's words only the page itself is taken, by a script that has looked at its form.
set -euo pipefail
repository="repos/$GITHUB_REPOSITORY"
branch="question-$ISSUE"
work=$(mktemp -d)

artifact=$(gh api "$repository/actions/runs/$GITHUB_RUN_ID/artifacts" \
  --jq '[.artifacts[] | select(.name == "question" and .size_in_bytes < 100000) | .id][0] // empty')
gh api "$repository/actions/artifacts/$artifact/zip" > "$work/question.zip"
id=$(python3 .github/scripts/question_file.py "$work/question.zip")

git checkout -q -b "$branch"
git add -- "questions/$id.md" verify/theory/ids.txt
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
  commit -q -m "Question $id, from issue $ISSUE"
gh auth setup-git
git push -q origin "HEAD:refs/heads/$branch"
printf 'A question from #%s, as its page.\n\nTo see the checks run, close this pull request and open it again.\n' \
  "$ISSUE" > "$work/body.md"
gh pr create --base main --head "$branch" --title "Question $id" --body-file "$work/body.md"
