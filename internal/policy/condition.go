package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	// costLimit bounds the steps of one condition; those that come with Tripod take some tens.
	costLimit = 200_000
	// longestCondition bounds its source, in characters.
	longestCondition = 8 << 10
	// checkEvery is how many rounds of a loop pass between two looks at the clock.
	checkEvery = 64
)

// condition is a compiled expression.
type condition struct {
	program cel.Program
	reads   []string // names of the variables it reads, ordered
	loops   bool     // it goes over a list, so its time is bounded by the clock and by its cost
}

// compiler compiles conditions against the variables, functions and lists there are. It belongs to one goroutine.
type compiler struct{ env *cel.Env }

func newCompiler(lists []string) (*compiler, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(longestCondition),
		cel.OptionalTypes(),
		cel.Types(types.NativeTypeFor[found](types.ParseStructTags(true), types.NativeTypeAlias("finding"))),
	}
	for _, v := range variables() {
		options = append(options, cel.VariableWithDoc(v.name, v.typ, v.doc))
	}
	for _, name := range lists {
		options = append(options, cel.Variable("lists."+name, cel.ListType(cel.StringType)))
	}
	env, err := cel.NewEnv(append(options, functions()...)...)
	if err != nil {
		return nil, fmt.Errorf("make the environment of conditions: %w", err)
	}
	return &compiler{env: env}, nil
}

// compile checks and compiles one condition. weakening refuses what a client asserts of itself: nobody talks himself out of
// a rule.
func (c *compiler) compile(source string, weakening bool) (*condition, error) {
	tree, issues := c.env.Compile(source)
	if issues.Err() != nil {
		return nil, conditionIssues(issues)
	}
	if tree.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("when: yields %s and must yield true or false", tree.OutputType())
	}
	reads := reads(tree)
	if weakening {
		if i := slices.IndexFunc(reads, func(v string) bool { return strings.HasPrefix(v, "account.asserted.") || v == "session" }); i >= 0 {
			return nil, fmt.Errorf("when: reads %s, which the client asserts of itself; what weakens protection rests on account.proved alone", reads[i])
		}
	}
	if !literalPatterns(tree) {
		return nil, errors.New("when: matches and finds take a pattern written in the rule, so that it is compiled once")
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.OptimizeRegex(compiledPatterns()...)}
	loop := loops(tree)
	if loop {
		options = append(options, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(checkEvery))
	}
	program, err := c.env.Program(tree, options...)
	if err != nil {
		return nil, fmt.Errorf("when: %w", err)
	}
	return &condition{program: program, reads: reads, loops: loop}, nil
}

// conditionIssues says each problem on a line of its own, with its place in the expression.
func conditionIssues(issues *cel.Issues) error {
	var errs []error
	for _, e := range issues.Errors() {
		text := strings.Join(strings.Fields(e.Message), " ")
		if strings.HasPrefix(text, "undeclared reference to 'lists'") {
			text = "no file has a list of that name"
		}
		errs = append(errs, fmt.Errorf("when: at %d:%d: %s", e.Location.Line(), e.Location.Column()+1, text))
	}
	return errors.Join(errs...)
}

// reads lists the variables an expression reads.
func reads(tree *cel.Ast) []string {
	var names []string
	native := tree.NativeRep()
	for _, r := range native.ReferenceMap() {
		if r.Name != "" && r.Value == nil {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// loops reports whether an expression goes over a list or a map; without, its time is bounded by its own length and the text's.
func loops(tree *cel.Ast) bool {
	found := false
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// literalPatterns reports whether each pattern of a text is a literal.
func literalPatterns(tree *cel.Ast) bool {
	literal := true
	ast.PostOrderVisit(tree.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "finds" && e.AsCall().FunctionName() != "matches" {
			return
		}
		if args := e.AsCall().Args(); len(args) == 0 || args[len(args)-1].Kind() != ast.LiteralKind {
			literal = false
		}
	}))
	return literal
}

// ConditionError says that a rule's condition could not be evaluated. Its text names the rule alone; Cause may quote what
// was judged and is for who writes rules.
type ConditionError struct {
	Rule  string
	Cause error
	kind  error // ErrEngine or ErrIncomplete
}

func (e *ConditionError) Error() string {
	return fmt.Sprintf("%v: the condition of rule %s could not be evaluated", e.kind, e.Rule)
}

// Unwrap leads to ErrEngine or ErrIncomplete, not to the cause.
func (e *ConditionError) Unwrap() error { return e.kind }

// holds evaluates the condition. One that asks for an argument that is not there does not hold.
func (c *condition) holds(clock func() context.Context, rule string, vars *facts) (bool, error) {
	var out ref.Val
	var err error
	ctx := context.Background()
	if c.loops {
		ctx = clock()
		out, _, err = c.program.ContextEval(ctx, vars)
	} else {
		out, _, err = c.program.Eval(vars)
	}
	switch {
	case err == nil:
		return out == types.True, nil
	case strings.HasPrefix(err.Error(), "no such key"):
		return false, nil
	case ctx.Err() != nil:
		return false, &ConditionError{Rule: rule, Cause: err, kind: ErrIncomplete}
	}
	return false, &ConditionError{Rule: rule, Cause: err, kind: ErrEngine}
}

// reading reports whether the condition reads a variable; none reads nothing.
func (c *condition) reading(name string) bool { return c != nil && slices.Contains(c.reads, name) }
