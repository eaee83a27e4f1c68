module github.com/khashmir/kad/bench/work

go 1.26.0
