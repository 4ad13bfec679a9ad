// Go: goroutines. Its multi-threaded default, or one thread under GOMAXPROCS=1, set by the runner.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	rounds       = 3
	roundSeconds = 0.2
	slowSeconds  = 2.0
	many         = 1000000
	forever      = time.Hour
)

func resident() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	return float64(pages * os.Getpagesize())
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func ns(round func(n int) float64) float64 {
	n := 1000
	seconds := round(n)
	for ; seconds < roundSeconds/4; seconds = round(n) {
		n *= 2
	}
	n = int(float64(n)*roundSeconds*1.1/seconds) + 1
	var values []float64
	for i := 0; i < rounds; i++ {
		values = append(values, round(n)*1e9/float64(n))
	}
	return median(values)
}

func seconds(round func() float64) float64 {
	first := round()
	if first > slowSeconds {
		return first
	}
	var values []float64
	for i := 0; i < rounds; i++ {
		values = append(values, round())
	}
	return median(values)
}

func switches(tasks int) func(n int) float64 {
	return func(n int) float64 {
		turns := n/tasks + 1
		var started, ended sync.WaitGroup
		started.Add(tasks)
		ended.Add(tasks)
		begin := make(chan struct{})
		for i := 0; i < tasks; i++ {
			go func() {
				started.Done()
				<-begin
				for k := 0; k < turns; k++ {
					runtime.Gosched()
				}
				ended.Done()
			}()
		}
		started.Wait()
		start := time.Now()
		close(begin)
		ended.Wait()
		return time.Since(start).Seconds() * float64(n) / float64(turns*tasks)
	}
}

func creates(n int) float64 {
	sum := 0
	result := make(chan int, 1)
	start := time.Now()
	for i := 0; i < n; i++ {
		go func(x, y int) { result <- x + y }(i, 1)
		sum += <-result
	}
	elapsed := time.Since(start).Seconds()
	if sum != n*(n+1)/2 {
		panic(sum)
	}
	return elapsed
}

func messages(n int) float64 {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for v := range there {
			back <- v
		}
	}()
	start := time.Now()
	for i := 0; i < n/2; i++ {
		there <- i
		if <-back != i {
			panic(i)
		}
	}
	close(there)
	return time.Since(start).Seconds()
}

func asleep() (bytes, elapsed float64) {
	var sleeping int64
	before, start := resident(), time.Now()
	for i := 0; i < many; i++ {
		go func() {
			atomic.AddInt64(&sleeping, 1)
			time.Sleep(forever)
		}()
	}
	for atomic.LoadInt64(&sleeping) < many {
		runtime.Gosched()
	}
	elapsed = time.Since(start).Seconds()
	return (resident() - before) / many, elapsed
}

func skynet(up chan int, first, size int) {
	if size == 1 {
		up <- first
		return
	}
	sums, sum := make(chan int, 10), 0
	for i := 0; i < 10; i++ {
		go skynet(sums, first+i*(size/10), size/10)
	}
	for i := 0; i < 10; i++ {
		sum += <-sums
	}
	up <- sum
}

func skynets() float64 {
	start := time.Now()
	up := make(chan int)
	go skynet(up, 0, many)
	if sum := <-up; sum != 499999500000 {
		panic(sum)
	}
	return time.Since(start).Seconds()
}

func main() {
	figure, peer := os.Args[1], "Go"
	if runtime.GOMAXPROCS(0) == 1 {
		peer = "Go, 1 thread"
	}
	report := func(name string, value float64, unit string) {
		fmt.Printf("%s\t%s\t%.4g\t%s\t\n", name, peer, value, unit)
	}
	switch figure {
	case "switch-2":
		report(figure, ns(switches(2)), "ns")
	case "switch-10000":
		report(figure, ns(switches(10000)), "ns")
	case "create":
		report(figure, ns(creates), "ns")
	case "asleep":
		bytes, elapsed := asleep()
		report("asleep-bytes", bytes, "bytes")
		report("asleep-start", elapsed, "s")
	case "queue-pingpong":
		report(figure, ns(messages), "ns")
	case "skynet":
		report(figure, seconds(skynets), "s")
	}
}
